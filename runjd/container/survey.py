"""What a state directory holds that nobody remembers: containers that live, and what is left of others."""

from __future__ import annotations

from runjd.container.status import refreshed
from runjd.errors import RunjdError
from runjd.kernel.process import boot_id, is_alive
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container

    from runjd.container.state import State
    from runjd.container.store import Place, Store


class Survey(Value):
    """
    What was found.

    :ivar live: containers whose program runs, or is paused.
    :ivar left: ids of those that do not run or never began, and that nobody works on.
    :ivar unclear: ids of those whose record cannot be read, and that may run.
    """

    live: tuple[State, ...]
    left: tuple[str, ...]
    unclear: tuple[str, ...] = ()


def survey(store: Store, known: Container[str]) -> Survey:
    """
    Look at all containers but the known ones; what is no container of ours is passed over.

    :raise RunjdError: the state directory cannot be read.
    """
    live, left, unclear = [], [], []
    for id in store.ids():
        if id in known:
            continue
        try:
            with store.look(id) as place:
                place.check_ours()
                # before the record is read, which its creator may write yet
                is_busy = place.is_busy()
                state = _state(place)
                may_live = state is None and _may_live(place)
        except (RunjdError, OSError):  # not ours, or deleted this moment
            continue
        if may_live:
            unclear.append(id)
        elif state is not None and state.status in ("running", "paused"):
            live.append(state)
        elif not is_busy:
            left.append(id)
    return Survey(tuple(live), tuple(left), tuple(unclear))


def _may_live(place: Place) -> bool:
    """Whether a container without a record that can be read may run: its record is damaged, and no mark says better."""
    try:
        place.read()
    except RunjdError:
        state = place.salvage()
        return state is None or (state.boot_id == boot_id() and is_alive(state.pid, state.start_time))
    return False


def _state(place: Place) -> State | None:
    try:
        state = place.read()
    except RunjdError:
        return None
    return None if state is None else refreshed(state, place)
