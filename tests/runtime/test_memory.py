"""The runtime in memory fails where it is told to."""

from __future__ import annotations

import pytest

from runjd.errors import RunjdError
from runjd.runtime.memory import MemoryRuntime
from tests.runtime.driver import Driver, config


@pytest.mark.parametrize("step", ["prepare", "fork", "enter", "become"])
def test_told_failure_leaves_nothing(step: str) -> None:
    """Whichever call fails, what was made on the host is taken back."""
    runtime = MemoryRuntime(fails_at=step)

    with pytest.raises(RunjdError, match="the test wants it to fail"):
        Driver(runtime).create(config(), "/bundle")

    assert runtime.left == set()
    assert runtime.calls[-1] == "remove"


def test_calls_are_noted() -> None:
    """A test can see what was asked for, in order."""
    runtime = MemoryRuntime()

    Driver(runtime).run(config(), "/bundle")

    assert runtime.calls == ["prepare", "fork", "remove"]
