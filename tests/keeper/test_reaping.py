"""Reaping, with children of this very process."""

import os
import signal
import time
from collections.abc import Callable

import pytest

from runjd.keeper.children import Child, Children
from runjd.keeper.reaping import Reaping


class Worker:
    """What reaping wants of workers."""

    def __init__(self) -> None:
        self.newest = 1
        self.oldest_at_work = 2
        self.pids: set[int] = set()

    def ended(self, pid: int) -> bool:
        return pid in self.pids


class Records:
    """Exit records that can be refused."""

    def __init__(self) -> None:
        self.written: list[int] = []
        self.is_full = False

    def save(self, child: Child) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        self.written.append(child.pid)

    def remove(self, child: Child) -> None:
        if child.pid in self.written:
            self.written.remove(child.pid)


class Later:
    """Collects what shall be called later."""

    def __init__(self) -> None:
        self.calls: list[object] = []

    def call_later(self, seconds: float, callback: object) -> None:
        self.calls.append(callback)

    def advance(self) -> None:
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class Room:
    """All that reaping talks to."""

    def __init__(self, look: Callable[[int, int, int], os.waitid_result | None] = os.waitid) -> None:
        self.later = Later()
        self.children = Children()
        self.workers = Worker()
        self.records = Records()
        self.told: list[Child] = []
        self.log: list[str] = []
        self.troubles: list[str] = []
        self.reaping = Reaping(
            self.later,
            self.children,
            self.workers,
            self.records,
            self.told.append,
            time.time,
            self.log.append,
            self.troubles.append,
            look,
        )

    def living(self) -> int:
        """Return the pid of a known child that lives until it is finished."""
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        self.children.add(Child("web", f"e{pid}", pid, 1))
        return pid

    def finish(self, pid: int) -> None:
        """Kill and reap a child, if it is not reaped."""
        try:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        except (ProcessLookupError, ChildProcessError):
            return

    def ended(self, status: int = 0, known: bool = True) -> Child:
        """Return a child that is a zombie."""
        pid = os.fork()
        if pid == 0:
            os._exit(status)
        child = Child("web", "", pid, 1)
        if known:
            self.children.add(child)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return child


@pytest.fixture
def room() -> Room:
    """Return a room of doubles."""
    return Room()


def test_known_children_are_recorded_and_told(room: Room) -> None:
    """A known process that ended is written down, told once, and no zombie any more."""
    child = room.ended(5)

    room.reaping.turn()
    room.reaping.turn()

    assert room.told == [child]
    assert child.exit is not None
    assert (child.exit.status, child.exit.recorded) == (5, True)
    with pytest.raises(ChildProcessError):
        os.waitpid(child.pid, os.WNOHANG)


def test_an_unknown_child_is_kept_until_its_report(room: Room) -> None:
    """While a worker is at work, the end of an unknown process waits to be claimed."""
    room.workers.oldest_at_work = 1
    child = room.ended(6, known=False)
    room.reaping.turn()
    assert room.told == []

    room.children.add(child)
    room.reaping.claim(child)
    room.reaping.claim(child)

    assert room.told == [child]
    assert child.exit is not None
    assert child.exit.status == 6


@pytest.mark.parametrize("is_late", [False, True])
def test_orphans_are_reaped_silently(room: Room, is_late: bool) -> None:
    """Where nobody can claim it, or all who could have reported, an unknown process is forgotten."""
    room.workers.oldest_at_work = 1 if is_late else 2
    child = room.ended(known=False)
    room.reaping.turn()
    room.workers.oldest_at_work = 2
    room.reaping.turn()

    room.children.add(child)
    room.reaping.claim(child)

    assert room.told == []
    assert room.log == []


def test_a_record_that_cannot_be_written_is_tried_again(room: Room) -> None:
    """The exit is told as unrecorded, and written as soon as that works; the log has one line for it."""
    room.records.is_full = True
    child = room.ended()
    room.reaping.turn()
    assert child.exit is not None
    assert room.told == [child]
    assert not child.exit.recorded

    room.later.advance()
    assert room.records.written == []
    room.records.is_full = False
    room.later.advance()

    assert room.records.written == [child.pid]
    assert child.exit.recorded
    assert len(room.log) == 1
    assert room.later.calls == []


def test_what_was_dealt_with_is_not_written_any_more(room: Room) -> None:
    """An unwritten exit that is acknowledged is forgotten."""
    room.records.is_full = True
    child = room.ended()
    room.reaping.turn()
    room.records.is_full = False

    room.reaping.forget("web", "", child.pid)
    room.later.advance()

    assert room.records.written == []
    assert len(room.children) == 0


def test_a_crowd_is_reaped_in_turns(room: Room) -> None:
    """Hundreds at once are reaped, some in each turn, so that others have theirs."""
    crowd = [room.ended() for _ in range(300)]

    room.reaping.turn()
    assert 0 < len(room.told) <= 128
    while room.later.calls:
        room.later.advance()

    assert {child.pid for child in room.told} == {child.pid for child in crowd}


class NewestFirst:
    """A kernel that shows the newest zombie first, as FreeBSD does."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def __call__(self, kind: int, pid: int, options: int) -> os.waitid_result | None:
        if kind == os.P_PID:
            return os.waitid(kind, pid, options)
        for each in reversed(self.pids):
            try:
                return os.waitid(os.P_PID, each, options)
            except ChildProcessError:
                self.pids.remove(each)
        raise ChildProcessError


@pytest.mark.parametrize("known", [1, 150])
def test_a_fork_bomb_in_one_jail_does_not_delay_the_exit_of_another(known: int) -> None:
    """Orphans come faster than they are reaped, for ever, and each is shown before those that are known."""
    kernel = NewestFirst()
    room = Room(kernel)
    others = [room.living() for _ in range(known - 1)]
    child = room.ended(7)
    kernel.pids.append(child.pid)
    turns = 0
    while not room.told:
        assert turns <= 1 + known // 64
        kernel.pids += [room.ended(known=False).pid for _ in range(80)]
        room.later.calls.clear()
        room.reaping.turn()
        turns += 1

    assert room.told == [child]
    assert child.exit is not None
    assert child.exit.status == 7
    for pid in [*others, *kernel.pids]:
        room.finish(pid)


def test_a_failure_leaves_no_zombie(room: Room) -> None:
    """Where telling of one fails, all zombies are reaped nevertheless, and the failure is logged."""
    crowd = [room.ended(), room.ended()]

    def fail(child: Child) -> None:
        raise ValueError("no")

    reaping = Reaping(
        room.later, room.children, room.workers, room.records, fail, time.time, room.log.append, room.troubles.append
    )
    reaping.turn()

    assert len(room.log) == 2
    for child in crowd:
        with pytest.raises(ChildProcessError):
            os.waitpid(child.pid, os.WNOHANG)
