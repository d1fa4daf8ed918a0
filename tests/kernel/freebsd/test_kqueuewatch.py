"""Tests of runjd.kernel.freebsd.kqueuewatch: that a jail is removed is told before its process has ended."""

from __future__ import annotations

import pytest

from runjd.kernel.exitwatch import Ended
from runjd.kernel.freebsd.jail import JAIL_CREATE
from runjd.kernel.freebsd.kqueuewatch import KqueueWatch
from runjd.kernel.recorder.kernel import FreeBSDRecorder


class Jailed:
    """A watch of a process in a jail."""

    def __init__(self, release: str) -> None:
        self.kernel = FreeBSDRecorder(release)
        self.jid = self.kernel.jail_set((("name", "web"), ("path", "/"), ("persist", True)), JAIL_CREATE)
        self.pid = self.kernel.fork("init")
        with self.kernel.acting_as(self.pid):
            self.kernel.jail_attach(self.jid)
        seen = self.kernel.process(self.pid)
        assert seen is not None
        self.start = seen.start_time
        self.watch = KqueueWatch(self.kernel.event_queue(), self.kernel.process)

    def keep(self, jid: int | None = None) -> None:
        """Watch the process."""
        self.watch.watch(self.pid, self.start, self.jid if jid is None else jid)


@pytest.mark.parametrize(
    ("release", "told"), [("13.2-RELEASE", False), ("14.3-RELEASE", False), ("15.0-RELEASE", True)]
)
def test_a_removal_is_told_where_the_kernel_does(release: str, told: bool) -> None:
    """The end of the process is told in any case; each once."""
    made = Jailed(release)
    made.keep()

    made.kernel.jail_remove(made.jid)

    assert made.watch.ended() == [Ended(made.pid, made.start, None, 9)]
    assert made.watch.removed() == ([made.pid] if told else [])
    assert (made.watch.ended(), made.watch.removed()) == ([], [])


def test_a_jail_that_goes_after_its_process_is_no_news() -> None:
    """That is what whoever removes a stopped jail does."""
    made = Jailed("15.0-RELEASE")
    made.keep()

    made.kernel.exit(made.pid, 3 << 8)
    made.kernel.jail_remove(made.jid)

    assert made.watch.ended() == [Ended(made.pid, made.start, 3)]
    assert made.watch.removed() == []
    assert made.watch.ended() == []
    assert made.watch.removed() == []


def test_whoever_is_not_in_that_jail_is_watched_without_it() -> None:
    """After a reboot the jid may be another's."""
    made = Jailed("15.0-RELEASE")
    other = made.kernel.jail_set((("name", "other"), ("path", "/"), ("persist", True)), JAIL_CREATE)
    made.keep(other)

    made.kernel.jail_remove(other)

    assert (made.watch.ended(), made.watch.removed()) == ([], [])


def test_what_is_forgotten_is_told_no_more() -> None:
    """Neither of the process nor of its jail."""
    made = Jailed("15.0-RELEASE")
    made.keep()
    made.watch.forget(made.pid)

    made.kernel.jail_remove(made.jid)

    assert (made.watch.ended(), made.watch.removed()) == ([], [])


def test_a_forked_child_has_no_watch() -> None:
    """A kqueue is not inherited, so whoever daemonizes makes it afterwards."""
    made = Jailed("13.2-RELEASE")
    child = made.kernel.fork("child")

    with made.kernel.acting_as(child), pytest.raises(OSError, match="Bad file descriptor"):
        made.keep()
