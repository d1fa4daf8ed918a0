"""What a record says, as it is true now."""

from __future__ import annotations

from runjd.container import gate
from runjd.errors import NoSuchJail
from runjd.kernel.process import boot_id, is_alive, look
from runjd.runtime.linux.cgroup.frozen import is_frozen

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.container.state import State
    from runjd.container.store import Place

#: what a container is that has an init process
LIVE = ("created", "running", "paused")

#: the status, as in the middle of a sentence
STANDS = {
    "creating": "it is still being created",
    "created": "it is created, but was not started",
    "running": "it is running",
    "paused": "it is paused; resume it first",
    "stopped": "it is stopped",
}


def current(place: Place) -> State:
    """
    Return the container as it is now; waits for nobody.

    :raise NoSuchJail: nothing is on record.
    """
    state = place.read()
    if state is None:
        raise NoSuchJail(place.id, place.unrecorded())
    return refreshed(state, place)


def refreshed(state: State, place: Place) -> State:
    """Return the record as it is true now."""
    if state.status == "creating":
        return state if place.is_busy() else state._replace(status="stopped", pid=0)
    if state.status not in LIVE:
        return state
    if state.boot_id != boot_id() or not is_alive(state.pid, state.start_time):
        return state._replace(status="stopped", pid=0)
    if is_frozen(state.undo):
        return state._replace(status="paused")
    if state.status == "created" and not gate.is_waiting(place.fd):
        seen = look(state.pid)
        if seen is None or not seen.alive or seen.exiting:
            # the gate closes a moment before the end is to be seen
            return state._replace(status="stopped", pid=0)
        # whoever started it was killed before it could write that down
        return state._replace(status="running")
    return state
