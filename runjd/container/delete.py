"""
``delete``: everything that create made, and nothing else.

With force it also ends what is in its way: an init that runs, or is waited for
by whoever creates, starts or joins the container just now and holds it.
"""

from __future__ import annotations

import time

from runjd.container.status import refreshed
from runjd.errors import NoSuchJail, RunjdError, WrongState

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable

    from runjd.container.destroy import Destruction
    from runjd.container.state import State
    from runjd.container.store import Place, Store
    from runjd.runtime.contract import Warden
else:
    import _signal

#: seconds that somebody else who holds the container gets to let go of it, once its init is dead
_PATIENCE = 30.0
#: seconds that a creation gets which is not stuck: what its child made this moment may not be on record yet
_GRACE = 0.3
_PAUSES = (0.001, 0.05)


class Deletion:
    """
    The deletion of one container.

    :param warden: returns what ends the jails of the runtime of a name.
    """

    def __init__(
        self, store: Store, destruction: Destruction, warden: Callable[[str], Warden], patience: float = _PATIENCE
    ) -> None:
        self._store = store
        self._destruction = destruction
        self._warden = warden
        self._patience = patience

    def run(self, id: str) -> None:
        """
        Delete a container that does not run.

        :raise NoSuchJail: there is none.
        :raise WrongState: it runs.
        """
        with self._store.hold(id) as place:
            state = place.read()
            if state is not None:
                status = refreshed(state, place).status
                if status in ("running", "paused"):
                    raise WrongState(
                        f'cannot delete "{id}": it is {status}; stop it first, or use --force', jail=id, status=status
                    )
            self._take_away(place, state)

    def force(self, id: str) -> None:
        """
        Delete a container whatever it does; that there is none is no error.

        :raise RunjdError: it is not ours, or something of it cannot be undone.
        """
        try:
            place = self._store.look(id)
        except NoSuchJail:
            return
        with place:
            if not self._seize(place):
                return
            try:
                state = place.read()
            except RunjdError:
                state = place.salvage()
            self._take_away(place, state)

    def _seize(self, place: Place) -> bool:
        """Hold the container, and kill its init while somebody else does; False: it was deleted meanwhile."""
        began = time.monotonic()
        pause, longest = _PAUSES
        while not place.try_lock():
            if not place.is_current():
                return False
            state = place.salvage()
            if state is not None and (state.status != "creating" or time.monotonic() >= began + _GRACE):
                self._kill(state)
            if time.monotonic() >= began + self._patience:
                raise place.busy()
            time.sleep(pause)
            pause = min(pause * 2, longest)
        return place.is_current()

    def _kill(self, state: State) -> None:
        if not state.pid:
            return
        try:
            self._warden(state.runtime).signal(state.held(), _signal.SIGKILL, True)
        except RunjdError:
            # it is gone, or goes when we hold the container
            return

    def _take_away(self, place: Place, state: State | None) -> None:
        place.check_ours()
        if state is not None and "poststart" in state.due:
            from runjd.container.poststart import call_off

            state = call_off(place, state)
        if state is not None and state.runtime:
            self._destruction.run(place, state, self._warden(state.runtime))
        place.remove()
