"""
The end of a container: everything that create made is undone, then its poststop hooks run.

It is what ``delete`` does, and what becomes of a ``create`` or ``start`` that fails
(OCI runtime specification, "Lifecycle", steps 12 and 13).
"""

from __future__ import annotations

import os

from runjd.container.roots import RootGuard
from runjd.errors import RunjdError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.state import State
    from runjd.container.store import Place, Store
    from runjd.runtime.contract import Warden
    from runjd.spec.model import Hooks


class Destruction:
    """
    What takes containers down.

    :param restore: see :class:`runjd.container.init.Job`.
    :param warn: told what went wrong but is no failure, one sentence each.
    :param expect: see :class:`runjd.container.operations.Operations`.
    """

    def __init__(
        self,
        store: Store,
        restore: Callable[[], None],
        warn: Callable[[str], None],
        expect: Callable[[float], None],
    ) -> None:
        self._store = store
        self._restore = restore
        self._warn = warn
        self._expect = expect

    def run(self, place: Place, state: State, warden: Warden) -> None:
        """
        Take a container down, but for its record.

        :param place: the container's, held.
        :raise RunjdError: something cannot be undone; no poststop hook was run.
        """
        with RootGuard(self._store, place, state) as guard:
            warden.remove(guard.removable().held())
        if "poststop" in state.due:
            self._run_poststop(place, state)

    def _run_poststop(self, place: Place, state: State) -> None:
        from runjd.container import hooks

        try:
            asked = asked_hooks(place)
        except (RunjdError, OSError) as error:
            self._warn(f"the poststop hooks of {state.id} are not run: {error}")
            return
        self._expect(hooks.time_of(asked.poststop))
        document = hooks.document(state, "stopped", 0)
        try:
            surroundings = hooks.Surroundings(state.bundle, self._restore)
            for failure in hooks.run_all(asked.poststop, "poststop", document, surroundings):
                self._warn(str(failure))
        finally:
            os.close(document)


def asked_hooks(place: Place) -> Hooks:
    """
    Return the hooks of the container's own copy of ``config.json``.

    :raise RunjdError: it cannot be read.
    """
    from runjd.spec.parse import parse_config

    return parse_config(place.config(), f"{place.path}/config.json").hooks
