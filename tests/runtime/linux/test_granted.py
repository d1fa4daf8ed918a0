"""What a process can have of the capabilities that are asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.runtime.linux.granted import grant
from runjd.spec.model import Capabilities

KILL, CHOWN, SYSLOG = "CAP_KILL", "CAP_CHOWN", "CAP_SYSLOG"
HERE = frozenset({KILL, CHOWN})

names = st.lists(st.sampled_from([KILL, CHOWN, SYSLOG, "CAP_NEW"]), unique=True, max_size=4).map(tuple)


def test_nothing_asked_for_is_nothing() -> None:
    """Without ``process.capabilities`` a process has none."""
    assert grant(None, HERE) == (Capabilities(), ())


def test_what_is_not_here_is_left_out_and_told() -> None:
    """A name that nobody knows and one that we do not have ourselves give one notice; the rest counts."""
    granted = grant(Capabilities(*[(KILL, SYSLOG, "CAP_NEW")] * 4), HERE)

    assert granted.sets == Capabilities(*[(KILL,)] * 4)
    assert granted.notices == ("process.capabilities: CAP_NEW, CAP_SYSLOG: not available on this host, and left out",)


def test_what_the_rules_forbid_is_left_out_and_told() -> None:
    """Sets that contradict each other are made to agree, with a notice for each."""
    granted = grant(Capabilities((KILL,), (CHOWN, KILL), (CHOWN,), (KILL,), (KILL,)), HERE)

    assert granted.sets == Capabilities((KILL,), (KILL,), (), (KILL,), ())
    assert granted.notices == (
        "process.capabilities.effective: CAP_CHOWN: not among the permitted ones, and left out",
        "process.capabilities.inheritable: CAP_CHOWN: not among the bounding ones, and left out",
        "process.capabilities.ambient: CAP_KILL: not among the permitted and the inheritable ones, and left out",
    )


def test_ambient_ones_without_any_inheritable_are_left_out_in_silence() -> None:
    """buildah asks so for every step of a build; they could never be had, and runc says nothing, too."""
    granted = grant(Capabilities((KILL,), (KILL,), (), (KILL,), (KILL,)), HERE)

    assert granted == (Capabilities((KILL,), (KILL,), (), (KILL,), ()), ())


@given(st.builds(Capabilities, *[names] * 5), st.frozensets(st.sampled_from([KILL, CHOWN, SYSLOG])))
def test_the_rules_of_the_kernel(asked: Capabilities, available: frozenset[str]) -> None:
    """Whatever is asked for, the kernel takes what is granted; each loss that somebody could mind is told."""
    granted = grant(asked, available)
    bounding, effective, inheritable, permitted, ambient = map(frozenset, granted.sets)

    assert effective <= permitted <= available
    assert inheritable <= bounding <= available
    assert ambient <= permitted & inheritable
    told = granted.sets[:4] != asked[:4]
    told |= bool(asked.inheritable) and granted.sets.ambient != asked.ambient
    assert bool(granted.notices) == told
    assert grant(granted.sets, available) == (granted.sets, ())
