"""What is on record of a container, for who only looks: without waiting for whoever works on it."""

from __future__ import annotations

from runjd.container.store import Store
from runjd.errors import RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Held


def finder(root: str) -> Callable[[str], Held | None]:
    """
    Return what returns the record of a container, None where there is none that can be read.

    :param root: the state directory.
    """
    store = Store(root)

    def find(id: str) -> Held | None:
        try:
            with store.look(id) as place:
                state = place.read()
        except (RunjdError, OSError):
            return None
        return None if state is None else state.held()

    return find
