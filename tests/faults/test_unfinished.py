"""What a daemon had begun to write when it was killed."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that was ended in order."""
    made = Daemon()
    try:
        made.start()
        made.stop()
        yield made
    finally:
        made.remove()


def test_the_next_daemon_removes_it(daemon: Daemon) -> None:
    """A jail that does not come back would leave it for good."""
    begun = [f"{daemon.state}/{name}/web.json.new" for name in ("jails", "tasks", "data/jails")]
    for path in begun:
        with open(path, "w", encoding="ascii") as file:
            file.write('{"version"')

    daemon.start()

    assert not any(os.path.exists(path) for path in begun)
    assert "Traceback" not in daemon.words()
