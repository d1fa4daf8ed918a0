"""The hooks that the child between fork and exec has a part in; see :mod:`runjd.container.hooks`."""

from __future__ import annotations

import os

from runjd.container import hooks
from runjd.container.hooks import Surroundings, nothing
from runjd.container.report import HOOKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.container.report import Channel
    from runjd.container.state import State
    from runjd.spec.model import Hooks


class InitHooks:
    """
    The hooks of one container, in its child.

    :param state: whose container's, for what hooks read.
    :param restore: see :class:`runjd.container.init.Job`.
    """

    def __init__(self, asked: Hooks, state: State, restore: Callable[[], None]) -> None:
        self._asked = asked
        self._state = state
        self._restore = restore
        self._document = -1

    def before_pivot(self, channel: Channel, root: int) -> None:
        """
        Everything is mounted: let the parent run its hooks, then run those in the container's namespaces.

        Their paths are still the host's, as no mount of a jail is outside of its root.

        :param root: descriptor of the root of the container, -1 where that is the host's.
        """
        if not hooks.phases(self._asked):
            return
        channel.ask(HOOKS)
        asked = self._asked.create_container
        if asked:
            directory = self._state.bundle if root < 0 else root
            document = hooks.document(self._state, "creating", os.getpid())
            try:
                hooks.run(asked, "createContainer", document, Surroundings(directory, self._restore, channel.fd))
            finally:
                os.close(document)

    def before_become(self) -> None:
        """Make what is needed later, as the process's own limits may forbid it then."""
        if self._asked.start_container:
            self._document = hooks.document(self._state, "created", os.getpid())

    def before_program(self, confine: Callable[[], None]) -> None:
        """
        Run the hooks in the container, with the rights of its process; whoever started it may be gone.

        :param confine: called in a hook's process, right before it executes.
        """
        if self._document >= 0:
            surroundings = Surroundings("", nothing, confine=confine)
            hooks.run(self._asked.start_container, "startContainer", self._document, surroundings)
            os.close(self._document)
