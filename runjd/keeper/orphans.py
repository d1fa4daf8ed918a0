"""
Processes of jails whose keeper was killed, and that live on.

The state directory still tells who they are: pid, start time, boot and jid.  They
are not our children, so a watch tells how they end, and a pid of theirs is never
signalled but by the operations, which look whose it is.  Their output is read from
the FIFOs of the state directory; standard input had its end, and a terminal its
hang-up, when nobody held them any more.
"""

from __future__ import annotations

from runjd.errors import RunjdError
from runjd.keeper.children import Child, Exit
from runjd.keeper.loop import READ
from runjd.kernel.process import is_alive
from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from functools import partial

    from runjd.container.operations import Operations
    from runjd.container.state import State
    from runjd.keeper.children import Children
    from runjd.keeper.loop import Loop
    from runjd.keeper.reaping import Reaping
    from runjd.kernel.exitwatch import ExitWatch
else:
    from _functools import partial

#: seconds between looks at those that cannot be watched
_LOOK = 1.0
_NO_INPUT = "its keeper was killed; its standard input, if it was open, reached its end"
_NO_TERMINAL = "its keeper was killed, and its terminal is gone with it; its output cannot be read any more"


class Orphans:
    """
    Takes them in.

    :param watch: of nobody else.
    :param now: the wall clock, in seconds.
    """

    def __init__(
        self,
        loop: Loop,
        operations: Operations,
        children: Children,
        reaping: Reaping,
        watch: ExitWatch,
        now: Callable[[], float],
        log: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._operations = operations
        self._children = children
        self._reaping = reaping
        self._watch = watch
        self._now = now
        self._log = log
        self._unwatched: list[Child] = []
        loop.watch(watch.fileno(), READ, lambda _: self.turn())

    def find(self, busy: Container[str]) -> tuple[str, ...]:
        """
        Take in those that live and that we do not know.

        :param busy: jails that somebody is at work on for us.
        :return: jails of which only something is left.
        """
        try:
            found = self._operations.survey(_Known(self._children, busy))
        except RunjdError as error:
            self._log(f"the jails of an earlier keeper cannot be looked for: {error}")
            return ()
        for id in found.unclear:
            self._log(
                f"the record of {id} cannot be read, and it may run, so it is left alone until somebody deletes it"
            )
        for state in found.live:
            self._adopt(state)
        return found.left

    def held(self) -> Mapping[int, int]:
        """Return what can be handed to another version of us; see :meth:`runjd.kernel.exitwatch.ExitWatch.held`."""
        return self._watch.held()

    def go_on(self, held: Mapping[int, int]) -> None:
        """Watch those that another version of us has watched, and that are among the children now."""
        for child in self._children:
            if not child.is_ours and child.exit is None:
                fd = held.get(child.pid, -1)
                if fd >= 0:
                    self._keep(child, partial(self._watch.go_on, held=fd))
                else:
                    self._keep(child, self._watch.watch)

    def turn(self) -> None:
        """Tell of those that ended."""
        for each in self._watch.ended():
            child = self._children.find_orphan(each.pid)
            if child is not None and child.start == each.start:
                self._reaping.ended(child, Exit(each.status, each.signal, self._now(), each.core))

    def _adopt(self, state: State) -> None:
        definition = {"id": state.id, "bundle": state.bundle, "runtime": state.runtime}
        note = dumps({"definition": definition, "at": state.created})
        child = Child(state.id, "", state.pid, state.start_time, state.jid, state.terminal, note)
        child.is_ours = False
        child.notices = (*state.notices, _NO_TERMINAL if state.terminal else _NO_INPUT)
        if not state.terminal:
            self._reopen(child)
        self._children.add(child)
        self._log(f"took in {child.jail}, process {child.pid}, of an earlier keeper")
        self._keep(child, self._watch.watch)

    def _keep(self, child: Child, watch: Callable[[int, int], None]) -> None:
        try:
            watch(child.pid, child.start)
        except ProcessLookupError:
            self._reaping.ended(child, Exit(None, None, self._now(), False))
        except OSError as error:
            self._log(f"process {child.pid} cannot be watched, it is looked at instead: {error.strerror}")
            self._unwatched.append(child)
            self._loop.call_later(_LOOK, self._look)

    def _reopen(self, child: Child) -> None:
        try:
            child.hold(self._operations.reopen(child.jail))
        except (RunjdError, OSError) as error:
            child.notices = (*child.notices, f"its output cannot be read: {error}")

    def _look(self) -> None:
        ended = [child for child in self._unwatched if not is_alive(child.pid, child.start)]
        self._unwatched = [child for child in self._unwatched if child not in ended]
        for child in ended:
            self._reaping.ended(child, Exit(None, None, self._now(), False))
        if self._unwatched:
            self._loop.call_later(_LOOK, self._look)


class _Known:
    """The jails that need not be looked at."""

    def __init__(self, children: Children, busy: Container[str]) -> None:
        self._children = children
        self._busy = busy

    def __contains__(self, jail: object) -> bool:
        return jail in self._busy or self._children.find(str(jail), "") is not None
