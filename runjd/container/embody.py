"""
``create`` and ``start`` in one go, by a process that becomes the init process itself.

It is the first of a pid namespace in which there is nobody else yet, so that nobody
sees it on its way, and spares the fork that every other creator needs for that: half of
what a start takes.  It writes the record itself, up to ``running``, as long as names
mean what they mean on the host.  Whoever is our parent has the lock of the container then, too, and
holds it until he saw the program executed; if it never is, he has it deleted.
"""

from __future__ import annotations

import os

from runjd.container.create import Creation
from runjd.container.failure import Step
from runjd.container.launch import Launch, open_streams
from runjd.kernel.process import start_time
from runjd.spec.model import Hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.bundle import Bundle
    from runjd.container.report import Channel
    from runjd.container.state import State
    from runjd.runtime.contract import Plan

    #: takes our parent's end of the conversation, the record, and a descriptor of the lock
    Leave = Callable[[Channel, State, int], None]

#: what leads to the pid that we have on the host, whose proc(5) we still see
_SELF = "/proc/self"


class Unfit(Exception):
    """The container is none that a process can become on its own; nothing was done."""


class Embodiment(Creation):
    """A creation that ends as what it made; :meth:`run` raises, or never returns."""

    #: hands over what our parent shall hold, and the conversation with him
    leave: Leave

    def _plan(self, bundle: Bundle, created: float) -> Plan:
        plan = super()._plan(bundle, created)
        if self._hooks != Hooks() or not self._runtime.embodies(plan):
            raise Unfit
        with Step("find our own pid"):
            pid = int(os.readlink(_SELF))
        # on record from the first moment
        self.state = self.state._replace(pid=pid, start_time=start_time(pid))
        return plan

    def _make(self, plan: Plan, bundle: Bundle) -> None:
        streams = open_streams(self._io, self._place.fd, plan.process)
        self._open_readiness(plan.process.user.uid)
        self._runtime.prepare(plan, self._made)
        launch = Launch(plan.process, self._io, self._runtime, self._restore)
        self._keep(bundle)
        launch.become(
            streams=streams,
            enter=lambda made, hooks: self._runtime.embody(plan, self._made, hooks),
            opened=self._runtime.console,
            passed=self._passed,
            leave=lambda channel: self.leave(channel, self.state, self._place.fd),
            held=(self._place.fd,),
            entered=self._entered,
        )

    def _entered(self) -> None:
        """All of the jail is made: say so, and let go of the last thing that is the host's."""
        self.state = self.state._replace(status="running")
        self._place.write(self.state)
        # not unlocked, which would count for our parent, too
        os.close(self._place.fd)
