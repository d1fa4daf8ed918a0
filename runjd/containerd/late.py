"""
What serves containerd, loaded when there is something to do for it: most daemons have no containerd.

    late = LateSide(lambda: containerd_side(...), os.listdir(f"{state}/tasks"))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from zope.interface import implementer

from runjd.protocols.keeperreplies import Exited, Found
from runjd.protocols.ttrpc.call import Call
from runjd.protocols.ttrpc.services import IServices

if TYPE_CHECKING:
    from runjd.containerd.side import ContainerdSide


@implementer(IServices)
class LateSide:
    """
    The side of containerd, made at once where there are tasks, else by the first call.

    For the keeper it is a :class:`runjd.containerd.sharing.TaskListener`.

    :param make: loads and makes it.
    :param tasks: whatever an earlier daemon has left of tasks.
    """

    def __init__(self, make: Callable[[], ContainerdSide], tasks: list[str]) -> None:
        self._make = make
        self._is_ready = False
        self._made = make() if tasks else None

    @property
    def side(self) -> ContainerdSide:
        """The side itself, which is made where there is none yet."""
        if self._made is None:
            self._made = self._make()
            if self._is_ready:
                self._made.tasks.ready()
        return self._made

    def call(self, call: Call) -> Deferred[bytes]:
        """Carry out a call; see :class:`runjd.protocols.ttrpc.services.IServices`."""
        return self.side.services.call(call)

    def stop(self) -> None:
        """The daemon ends; the processes of tasks go on."""
        if self._made is not None:
            self._made.stop()

    # --- TaskListener ---------------------------------------------------------------

    def knows(self, jail: str) -> bool:
        """Whether a jail is, or was just now, that of a task."""
        return self._made is not None and self._made.tasks.knows(jail)

    def process_found(self, found: Found) -> None:
        """Take a process of a task over."""
        self.side.tasks.process_found(found)

    def process_exited(self, exited: Exited) -> None:
        """A process of a task ended."""
        self.side.tasks.process_exited(exited)

    def ready(self) -> None:
        """All was told."""
        self._is_ready = True
        if self._made is not None:
            self._made.tasks.ready()

    def keeper_lost(self, reason: str) -> None:
        """Another keeper will tell what there is."""
        self._is_ready = False
        if self._made is not None:
            self._made.tasks.keeper_lost(reason)
