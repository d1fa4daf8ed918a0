"""
``start``: the order to the init that waits, and the poststart hooks.

Nothing is held while a hook or a program is waited for, so whatever they do, the
container can be looked at, signalled and deleted.  Of several starters the gate
lets one through; the others learn that from its end.
"""

from __future__ import annotations

from runjd.container import gate
from runjd.container.report import EXECUTE
from runjd.errors import RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.destroy import Destruction
    from runjd.container.state import State
    from runjd.container.store import Place
    from runjd.runtime.contract import Warden


class Start:
    """
    The start of one container.

    :param place: the container's, not held.
    :param warden: of the container's runtime.
    :param destruction: returns what takes it down where the start fails.
    :param restore: see :class:`runjd.container.init.Job`.
    """

    def __init__(
        self, place: Place, warden: Warden, destruction: Callable[[], Destruction], restore: Callable[[], None]
    ) -> None:
        self._place = place
        self._warden = warden
        self._destruction = destruction
        self._restore = restore

    def run(self, state: State) -> State | None:
        """
        Start it, and return when its program was executed and its hooks have run.

        :param state: of the created container.
        :return: None where nobody waits for an order any more.
        :raise RunjdError: the program, or a hook, failed; the container is stopped and
            taken down, but for its record.
        """
        try:
            if not self._give_order():
                return None
            state = state._replace(status="running")
            if "poststart" in state.due:
                from runjd.container import poststart

                poststart.run(self._place, state, self._restore)
        except RunjdError as error:
            self._fail(state, error)
            raise
        state = state._replace(due=tuple([each for each in state.due if each != "poststart"]))
        if self._place.try_lock():
            try:
                # others may have written down more to undo meanwhile
                now = self._place.read() or state
                self._place.write(now._replace(status=state.status, due=state.due))
            except RunjdError:
                # it runs, and that the gate is passed says so, too: a full disk does not make a failure of that
                pass
        return state

    def _give_order(self) -> bool:
        channel = gate.approach(self._place.fd)
        if channel is None:
            return False
        try:
            channel.send(EXECUTE)
            return channel.wait_executed()
        except (BrokenPipeError, ConnectionResetError):
            return False
        finally:
            channel.close()

    def _fail(self, state: State, error: RunjdError) -> None:
        """Take the container down: it was started, so nobody can start it any more."""
        try:
            self._place.lock()
            if not self._place.is_current():
                return
            now = self._place.read() or state
            self._destruction().run(self._place, now, self._warden)
            self._place.write(now._replace(status="stopped", pid=0, due=(), undo=()))
        except (RunjdError, OSError) as another:
            error.message += f"; taking it down failed too ({another}): `runj delete --force {state.id}` tries again"
