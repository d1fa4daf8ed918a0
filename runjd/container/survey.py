"""What a state directory holds that nobody remembers: containers that live, and what is left of others."""

from __future__ import annotations

from runjd.container.status import refreshed
from runjd.errors import RunjdError
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
    :ivar left: ids of those that do not run, never began or cannot be read, and that nobody works on.
    """

    live: tuple[State, ...]
    left: tuple[str, ...]


def survey(store: Store, known: Container[str]) -> Survey:
    """
    Look at all containers but the known ones; what is no container of ours is passed over.

    :raise RunjdError: the state directory cannot be read.
    """
    live, left = [], []
    for id in store.ids():
        if id in known:
            continue
        try:
            with store.look(id) as place:
                place.check_ours()
                # before the record is read, which its creator may write yet
                is_busy = place.is_busy()
                state = _state(place)
        except (RunjdError, OSError):  # not ours, or deleted this moment
            continue
        if state is not None and state.status in ("running", "paused"):
            live.append(state)
        elif not is_busy:
            left.append(id)
    return Survey(tuple(live), tuple(left))


def _state(place: Place) -> State | None:
    try:
        state = place.read()
    except RunjdError:
        return None
    return None if state is None else refreshed(state, place)
