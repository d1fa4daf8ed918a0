"""
How processes and jails end.

A process leaves its jail for good when it is reaped, not when it exits; a jail
is dying until then, and until nobody holds a descriptor that was made in it.
"""

from __future__ import annotations

from runjd.kernel.freebsd.events import EVFILT_JAIL, EVFILT_JAILDESC, EVFILT_PROC, NOTE_EXIT, NOTE_JAIL_REMOVE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import Prison, Process, State

SIGKILL = 9


def end(state: State, process: Process, status: int) -> None:
    """Let a process exit; it stays a zombie until its parent reaps it, init does at once."""
    if process.status is not None:
        return
    process.status = status
    process.descriptors.clear()
    for child in [each for each in state.processes.values() if each.parent == process.pid]:
        child.parent = _reaper_of(state, process)
        if child.death_signal and child.status is None:
            end(state, child, child.death_signal)
    prison = state.prison_of(process)
    if prison is not state.host and not prison.is_persistent and not _living(state, prison):
        _start_dying(state, prison)
    for queue in state.queues:
        queue.tell(process.pid, EVFILT_PROC, NOTE_EXIT, status)
    for zombie in [each for each in state.processes.values() if each.status is not None]:
        if zombie.parent == state.init.pid:
            del state.processes[zombie.pid]
    settle(state)


def reap(state: State, pid: int) -> int:
    """
    Return the status of a zombie, which is gone then.

    :raise ChildProcessError: it is no zombie.
    """
    process = state.processes.get(pid)
    if process is None or process.status is None:
        raise ChildProcessError(10, "No child processes", str(pid))
    del state.processes[pid]
    settle(state)
    return process.status


def remove(state: State, prison: Prison) -> None:
    """Let a jail die, with the jails below it, and kill what runs in it."""
    for below in [each for each in state.prisons if each.is_below(prison)]:
        _kill_all(state, below)
    _kill_all(state, prison)
    settle(state)


def settle(state: State) -> None:
    """Forget the dying jails that nothing holds any more; their interfaces go home."""
    for prison in list(reversed(state.prisons)):
        if prison.is_dying and not _is_held(state, prison):
            state.prisons.remove(prison)
            _return_interfaces(state, prison)


def tell_jail(state: State, prison: Prison, notes: int, data: int = 0) -> None:
    """Let those know who watch a jail by its jid or by a descriptor."""
    for queue in state.queues:
        queue.tell(prison.jid, EVFILT_JAIL, notes, data)
        for descriptor, file in queue.owner.descriptors.items():
            if file.prison is prison:
                queue.tell(descriptor, EVFILT_JAILDESC, notes, data)


def _start_dying(state: State, prison: Prison) -> None:
    if not prison.is_dying:
        prison.is_dying = True
        tell_jail(state, prison, NOTE_JAIL_REMOVE)


def _kill_all(state: State, prison: Prison) -> None:
    prison.is_persistent = False
    _start_dying(state, prison)
    for process in [each for each in state.processes.values() if each.jid == prison.jid]:
        end(state, process, SIGKILL)


def _living(state: State, prison: Prison) -> bool:
    inside = {prison.jid} | {each.jid for each in state.prisons if each.is_below(prison)}
    return any(each.jid in inside and each.status is None for each in state.processes.values())


def _is_held(state: State, prison: Prison) -> bool:
    everyone = state.processes.values()
    return (
        any(each.jid == prison.jid for each in everyone)
        or any(file.made_in == prison.jid for each in everyone for file in each.descriptors.values())
        or any(each.parent is prison for each in state.prisons)
    )


def _return_interfaces(state: State, prison: Prison) -> None:
    for interface in [each for each in state.interfaces if each.network == prison.jid]:
        state.interfaces.remove(interface)
        if interface.home != prison.jid:
            state.interfaces.append(interface)
            interface.network = interface.home
            interface.is_up = False
            interface.addresses.clear()


def _reaper_of(state: State, process: Process) -> int:
    above = state.processes.get(process.parent)
    while above is not None:
        if above.is_reaper and above.status is None:
            return above.pid
        above = state.processes.get(above.parent)
    return state.init.pid
