"""
A process that stands in for the init process of a jail: systemd makes no scope without one.

It does nothing, has no descriptors, and ends with whoever made it.
"""

from __future__ import annotations

import os

from runjd.kernel.closing import close_others
from runjd.kernel.parent_death import die_with_parent

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal


class StandIn:
    """
    The process, from now on until :meth:`end`.

    :ivar pid: of it.
    """

    def __init__(self) -> None:
        parent = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                die_with_parent(parent)
                close_others((), 0)
                while True:
                    _signal.pause()
            finally:
                os._exit(1)

    def end(self) -> None:
        """End it, and wait until it counts as a process of its groups no more."""
        if self.pid:
            os.kill(self.pid, _signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
