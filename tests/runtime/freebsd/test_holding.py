"""Tests of runjd.runtime.freebsd.holding: the jail that is meant, and no other that has its number."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_DYING
from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.freebsd import holding

RELEASES = ("13.2-RELEASE", "15.0-RELEASE")
Act = Callable[[FreeBSDKernel, int, str], None]


def machine(release: str) -> tuple[FreeBSDRecorder, int]:
    """Return a kernel with a jail, and its jid."""
    kernel = FreeBSDRecorder(release)
    kernel.make_tree("/jails/web", "/jails/other")
    return kernel, kernel.jail_set((("name", "web"), ("path", "/jails/web"), ("persist", True)), JAIL_CREATE)


def calls(kernel: FreeBSDRecorder) -> set[str]:
    """Return which calls of these were made."""
    known = {"jail_attach", "jail_attach_jd", "jail_remove", "jail_remove_jd"}
    return known & {each.name for each in kernel.journal.calls}


@pytest.mark.parametrize(("release", "call"), [(RELEASES[0], "jail_remove"), (RELEASES[1], "jail_remove_jd")])
def test_a_jail_is_removed_by_its_descriptor_where_it_has_one(release: str, call: str) -> None:
    """And by its number on an older kernel."""
    kernel, jid = machine(release)

    holding.remove(kernel, jid, "/jails/web")

    assert calls(kernel) == {call}
    assert kernel.state.prisons == []
    assert kernel.state.me.descriptors == {}


@pytest.mark.parametrize(("release", "call"), [(RELEASES[0], "jail_attach"), (RELEASES[1], "jail_attach_jd")])
@pytest.mark.parametrize("home", ["", "/jails/web/"])
def test_a_jail_is_entered_by_its_descriptor_where_it_has_one(release: str, call: str, home: str) -> None:
    """The descriptor does not get inside: execve(2) would not close it."""
    kernel, jid = machine(release)

    holding.enter(kernel, jid, home)

    assert calls(kernel) == {call}
    assert kernel.state.me.jid == jid
    assert kernel.state.me.descriptors == {}


@pytest.mark.parametrize("act", [holding.enter, holding.remove])
def test_another_jail_of_that_number_is_left_alone(act: Act) -> None:
    """It has another root."""
    kernel, jid = machine("15.0-RELEASE")

    with pytest.raises(FileNotFoundError, match=f"jail {jid} is another one by now"):
        act(kernel, jid, "/jails/other")

    assert calls(kernel) == set()
    assert kernel.state.me.descriptors == {}
    assert kernel.jail_get((("jid", jid),), ("dying",), JAIL_DYING)["dying"] == 0


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("act", [holding.enter, holding.remove])
def test_a_jail_that_is_gone_is_an_error(release: str, act: Act) -> None:
    """Which one is the kernel's business."""
    kernel, jid = machine(release)
    kernel.jail_remove(jid)

    with pytest.raises(OSError, match=r"Invalid argument|not found"):
        act(kernel, jid, "/jails/web")
