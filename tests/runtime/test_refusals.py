"""What limits a jail is told from what only looks so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError, Unsupported
from runjd.runtime.refusals import first_limit, refuse_process
from runjd.spec.model import Process, Rlimit

DENY_ALL = {"allow": False, "access": "rwm"}


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"devices": []},
        {"devices": [DENY_ALL]},
        {"devices": [DENY_ALL, {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"}]},
        {"devices": [{"allow": False, "type": "a", "major": -1, "minor": -1, "access": "rwm"}]},
        {"memory": {}, "cpu": {"shares": 0}, "pids": {"limit": -1}},
        {"memory": {"disableOOMKiller": False, "limit": -1}, "hugepageLimits": [], "unified": {}},
    ],
)
def test_what_engines_send_by_default_is_no_limit(resources: dict[str, object]) -> None:
    """Empty objects, zeros, -1 and the usual device rules limit nothing."""
    assert first_limit(resources) == ""


@pytest.mark.parametrize(
    ("path", "resources"),
    [
        ("resources.memory", {"memory": {"limit": 1 << 20}}),
        ("resources.pids", {"devices": [DENY_ALL], "pids": {"limit": 5}}),
        ("resources.unified", {"unified": {"memory.max": "1"}}),
        ("resources.blockIO", {"blockIO": {"weight": 10}}),
        ("resources.devices[1]", {"devices": [DENY_ALL, {"allow": False, "type": "c", "major": 1, "access": "w"}]}),
    ],
)
def test_limits_are_named(path: str, resources: dict[str, object]) -> None:
    """A true limit is named by its path."""
    assert first_limit(resources) == path


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["memory", "devices", "cpu", "x"]), JSON))
def test_any_json_has_an_answer(resources: dict[str, object]) -> None:
    """Whatever stands in ``resources`` is let through or named, never an exception."""
    assert first_limit(resources) == "" or first_limit(resources).startswith("resources.")


def test_limits_of_processes_are_checked() -> None:
    """A resource limit that this system lacks, or that is given twice, is refused by its path."""
    with pytest.raises(Unsupported) as caught:
        refuse_process(Process(("x",), rlimits=(Rlimit("RLIMIT_MADE_UP", 1, 1),)))
    assert caught.value.path == "process.rlimits[0].type"

    twice = Rlimit("RLIMIT_NOFILE", 1, 1)
    with pytest.raises(SpecError) as again:
        refuse_process(Process(("x",), rlimits=(twice, twice)))
    assert again.value.path == "process.rlimits[1].type"
