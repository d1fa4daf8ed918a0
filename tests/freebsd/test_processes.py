"""Processes: what is seen of them, how their ends are told, and who reaps them."""

from __future__ import annotations

import errno
import os
import signal
import time

import pytest

from runjd.kernel.exitwatch import Ended
from runjd.kernel.freebsd.events import EVFILT_JAIL, EVFILT_PROC, NOTE_EXEC, NOTE_EXIT, NOTE_JAIL_REMOVE
from runjd.kernel.freebsd.kqueuewatch import KqueueWatch


def test_we_are_seen_with_our_start(machine) -> None:
    """Pid, jail, user and command; the start is after that of the first process."""
    mine, first = machine.kernel.process(machine.own_pid()), machine.kernel.process(1)

    assert (mine.pid, mine.jid, mine.uid, mine.alive) == (machine.own_pid(), 0, 0, True)
    assert first.start_time < mine.start_time
    assert "python" in mine.command or "pytest" in mine.command
    assert [each.pid for each in machine.kernel.processes()].count(mine.pid) == 1


def test_a_process_of_a_jail_is_known_by_its_jid(machine, jail) -> None:
    """Also when it is a zombie; its status is told then."""
    jid = jail()
    pid = machine.start(jid)
    alive = machine.kernel.process(pid)
    machine.kernel.kill(pid, signal.SIGKILL)
    machine.is_zombie(pid)
    zombie = machine.kernel.process(pid)

    assert machine.wait(pid) == signal.SIGKILL
    assert (alive.jid, alive.alive) == (jid, True)
    assert (zombie.jid, zombie.alive, zombie.start_time) == (jid, False, alive.start_time)
    assert machine.kernel.process(pid) is None


def test_a_jail_sees_its_own_processes_only(machine, jail) -> None:
    """And calls its own number 0; pid 1 is not there."""
    jid = jail()

    def look() -> tuple[set[int], bool]:
        return {each.jid for each in machine.kernel.processes()}, machine.kernel.process(1) is None

    assert machine.ask(look, jid) == ({0}, True)


def test_a_watch_tells_the_end_of_a_process_in_a_jail(machine, jail) -> None:
    """It is known by pid and start; another start is a stranger, who is not watched."""
    pid = machine.start(jail())
    start = machine.kernel.process(pid).start_time
    watch = KqueueWatch(machine.kernel.event_queue(), machine.kernel.process)
    with pytest.raises(ProcessLookupError):
        watch.watch(pid, start + 1)
    watch.watch(pid, start)

    machine.kernel.kill(pid, signal.SIGKILL)
    machine.is_zombie(pid)

    assert watch.ended() == [Ended(pid, start, None, signal.SIGKILL)]
    assert watch.ended() == []
    watch.close()
    machine.wait(pid)


def test_an_exit_is_told_with_its_status(machine, jail) -> None:
    """The event has the status of wait(2), also for a process in a jail."""
    queue = machine.kernel.event_queue()
    pid = machine.start(jail())
    queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
    machine.kernel.kill(pid, signal.SIGTERM)
    event = _next(queue)
    machine.wait(pid)
    queue.close()

    assert (event.ident, event.notes & NOTE_EXIT, event.data) == (pid, NOTE_EXIT, signal.SIGTERM)


def test_an_exec_is_told(machine) -> None:
    """When the program begins; the exit follows in an event of its own, if the first was read."""
    queue = machine.kernel.event_queue()
    pid, go = machine.start_program()
    queue.watch(pid, EVFILT_PROC, NOTE_EXEC | NOTE_EXIT)
    go()
    first = _next(queue)
    machine.kernel.kill(pid, signal.SIGKILL)
    second = _next(queue)
    command = machine.kernel.process(pid).command
    machine.wait(pid)
    queue.close()

    assert (first.notes, second.notes, second.data) == (NOTE_EXEC, NOTE_EXIT, signal.SIGKILL)
    assert command == "sleep"


def test_one_event_may_tell_of_exec_and_exit(machine) -> None:
    """Nobody read in between; the status is there, and nothing follows."""
    queue = machine.kernel.event_queue()
    pid, go = machine.start_program()
    queue.watch(pid, EVFILT_PROC, NOTE_EXEC | NOTE_EXIT)
    go()
    assert _comes_true(lambda: machine.kernel.process(pid).command == "sleep")
    machine.kernel.kill(pid, signal.SIGKILL)
    machine.is_zombie(pid)
    event = _next(queue)
    machine.wait(pid)
    more = queue.events()
    queue.close()

    assert (event.notes, event.data, more) == (NOTE_EXEC | NOTE_EXIT, signal.SIGKILL, [])


def test_the_exit_of_a_zombie_is_told_at_once(machine) -> None:
    """Whoever comes late misses nothing as long as it is not reaped; then there is no such process."""
    queue = machine.kernel.event_queue()
    pid = machine.start()
    machine.kernel.kill(pid, signal.SIGKILL)
    machine.is_zombie(pid)
    queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
    data = _next(queue).data
    machine.wait(pid)
    with pytest.raises(ProcessLookupError):
        queue.watch(pid, EVFILT_PROC, NOTE_EXIT)
    queue.close()

    assert data == signal.SIGKILL


def test_events_of_jails_are_there_from_15_on(machine, jail) -> None:
    """The removal of a jail is told; before 15 the filter is invalid."""
    queue = machine.kernel.event_queue()
    jid = jail()
    major = int(machine.kernel.sysctl_text("kern.osrelease").partition(".")[0])
    if major < 15:
        with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
            queue.watch(jid, EVFILT_JAIL, NOTE_JAIL_REMOVE)
    else:
        queue.watch(jid, EVFILT_JAIL, NOTE_JAIL_REMOVE)
        machine.kernel.jail_remove(jid)
        assert _next(queue).notes & NOTE_JAIL_REMOVE
    queue.close()


def test_we_reap_whom_our_descendants_leave_behind(machine, jail) -> None:
    """A reaper gets the orphans of its jails, is told of them, and can kill them all."""
    jid = jail()

    def reap() -> tuple[int, int, int, bool]:
        machine.kernel.reap_acquire()
        child = machine.start(jid)
        status = machine.kernel.reap_status()
        found = [each.pid for each in machine.kernel.reap_getpids()]
        killed = machine.kernel.reap_kill(signal.SIGKILL)
        machine.is_zombie(child)
        machine.wait(child)
        return status.children, status.descendants, killed, found == [child]

    assert machine.ask(reap) == (1, 1, 1, True)


def test_a_child_is_reaped_once_it_has_ended(machine) -> None:
    """Without waiting for one that lives; a second time it is nobody's child."""
    pid = machine.start()
    before = machine.kernel.waitpid(pid, os.WNOHANG)
    machine.kernel.kill(pid, signal.SIGKILL)
    machine.is_zombie(pid)
    after = machine.kernel.waitpid(pid, os.WNOHANG)

    assert (before, after) == ((0, 0), (pid, signal.SIGKILL))
    with pytest.raises(ChildProcessError):
        machine.kernel.waitpid(pid, os.WNOHANG)


def test_a_reaper_is_one_once(machine) -> None:
    """A second time is EBUSY; without descendants there is nobody to kill."""

    def twice() -> list[int | None]:
        numbers: list[int | None] = []
        for call in (machine.kernel.reap_acquire, machine.kernel.reap_acquire, _kill_nobody(machine)):
            try:
                call()
                numbers.append(0)
            except OSError as error:
                numbers.append(error.errno)
        return numbers

    assert machine.ask(twice) == [0, errno.EBUSY, errno.ESRCH]


def test_only_the_host_protects(machine, jail) -> None:
    """A process in a jail cannot save itself when memory is short, the host can do it for it."""
    jid = jail()

    def inside() -> str:
        try:
            machine.kernel.protect(machine.own_pid(), True)
        except PermissionError:
            return "refused"
        return "protected"

    pid = machine.start(jid)
    machine.kernel.protect(pid, True)
    machine.kernel.kill(pid, signal.SIGKILL)
    machine.wait(pid)

    assert machine.ask(inside, jid) == "refused"


def test_rights_that_are_given_up_stay_so(machine, jail) -> None:
    """No new privileges and a signal for the parent's death can be set, and a jail entered afterwards."""
    jid = jail()

    def give_up() -> int:
        machine.kernel.set_no_new_privileges()
        machine.kernel.set_death_signal(signal.SIGKILL)
        machine.kernel.jail_attach(jid)
        return machine.kernel.sysctl_number("security.jail.jailed")

    assert machine.ask(give_up) == 1


def test_a_signal_that_is_none_is_refused(machine) -> None:
    """EINVAL, for kill and for the parent's death."""
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        machine.kernel.kill(machine.own_pid(), 129)
    with pytest.raises(OSError, match=os.strerror(errno.EINVAL)):
        machine.kernel.set_death_signal(129)


def _next(queue):
    """Return the one event that comes within a generous time."""
    (event,) = queue.events(1, 30)
    return event


def _comes_true(condition) -> bool:
    """Wait for what another process does, for a generous time."""
    deadline = time.monotonic() + 30
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _kill_nobody(machine):
    return lambda: machine.kernel.reap_kill(signal.SIGKILL)
