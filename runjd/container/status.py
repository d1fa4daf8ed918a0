"""What a record says, as it is true now."""

from __future__ import annotations

from runjd.container import gate
from runjd.errors import NoSuchJail
from runjd.kernel.process import boot_id, is_alive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.container.state import State
    from runjd.container.store import Place

#: the status, as in the middle of a sentence
STANDS = {
    "creating": "it is still being created",
    "created": "it is created, but was not started",
    "running": "it is running",
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
    if state.status not in ("created", "running"):
        return state
    if state.boot_id != boot_id() or not is_alive(state.pid, state.start_time):
        return state._replace(status="stopped", pid=0)
    if state.status == "created" and not gate.is_waiting(place.fd):
        # whoever started it was killed before it could write that down
        return state._replace(status="running")
    return state
