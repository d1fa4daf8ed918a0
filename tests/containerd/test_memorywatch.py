"""The watches of tasks' memory: each is closed, whatever comes between."""

from __future__ import annotations

import contextlib
import os
import select

import pytest
from twisted.internet.defer import Deferred

from runjd.containerd.memorywatch import TasksMemory
from runjd.errors import Unsupported
from runjd.runtime.contract import MemoryWatch

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll(7) here")


class Watch(MemoryWatch):
    """An eventfd(2), or what epoll(7) cannot watch."""

    events = select.POLLIN

    def __init__(self, directory: str = "") -> None:
        flags = os.O_RDONLY | os.O_CLOEXEC
        self._fd = os.open(directory, flags) if directory else os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        return self._fd

    def killed(self) -> bool:
        try:
            return bool(os.eventfd_read(self._fd))
        except BlockingIOError:
            return False

    def happen(self) -> None:
        os.eventfd_write(self._fd, 1)

    def close(self) -> None:
        os.close(self._fd)


class Bench:
    """A reactor that only notes, and threads that end when the test says so."""

    def __init__(self) -> None:
        self.readers: list[object] = []
        self.making: list[Deferred[MemoryWatch]] = []
        self.told: list[str] = []
        self.memory = TasksMemory(self, lambda jail: Watch(), self.in_thread)  # type: ignore[arg-type]

    def in_thread(self, call, *words) -> Deferred[MemoryWatch]:
        self.making.append(Deferred())
        return self.making[-1]

    def addReader(self, reader) -> None:
        self.readers.append(reader)

    def removeReader(self, reader) -> None:
        self.readers.remove(reader)

    def begin(self, name: str) -> None:
        self.memory.begin("one", lambda: self.told.append(name))


def _open() -> list[str]:
    """Return what is open of what can be watched."""
    found = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.append(os.readlink(f"/proc/self/fd/{number}"))
    return sorted(each for each in found if "eventfd" in each or "watched" in each)


@pytest.fixture
def bench():
    """Return memory to be watched; nothing is open afterwards."""
    before = _open()
    made = Bench()
    yield made
    made.memory.end("one")
    assert _open() == before
    made.memory.stop()
    assert made.readers == []


def test_what_happens_is_told(bench):
    """Also what happened before the reactor came to look."""
    bench.begin("a")
    bench.making[0].callback(watch := Watch())
    watch.happen()
    bench.memory.doRead()
    assert bench.told == ["a"]
    watch.happen()
    bench.memory.look("one")

    assert bench.told == ["a", "a"]
    bench.memory.end("one")


def test_another_jail_of_the_same_name_has_a_watch_of_its_own(bench):
    """The first one ended, and the second one began, while the watch of the first was made."""
    bench.begin("a")
    bench.memory.end("one")
    bench.begin("b")
    bench.making[0].callback(Watch())
    bench.making[1].callback(watch := Watch())
    watch.happen()
    bench.memory.doRead()

    assert bench.told == ["b"]
    bench.memory.end("one")


def test_what_cannot_be_watched_is_closed(bench, tmp_path, caplog):
    """A fault of ours, and a group without the controller; the next one of the name is watched."""
    bench.begin("a")
    bench.making[0].callback(Watch(str(tmp_path)))
    bench.begin("b")
    bench.making[1].errback(Unsupported("", "no memory"))
    bench.begin("c")
    bench.making[2].callback(watch := Watch())
    watch.happen()
    bench.memory.look("one")

    assert bench.told == ["c"]


def test_what_is_made_too_late_is_closed(bench):
    """The daemon ends, or the jail."""
    bench.begin("a")
    bench.memory.stop()
    bench.making[0].callback(Watch())
