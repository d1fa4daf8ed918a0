"""
Learning how processes end that are not our children.

What to watch is named by pid and start time, so that a stranger who got the pid
is not taken for it.  Two kernels, two ways: :mod:`runjd.kernel.pidfdwatch` and
:mod:`runjd.kernel.freebsd.kqueuewatch`.
"""

from __future__ import annotations

import os
import sys
from abc import ABC, abstractmethod

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Ended(Value):
    """
    A process that was watched, and ended.

    :ivar status: its exit status; None where a signal ended it, or nobody can know.
    :ivar signal: the signal's number; None where it exited, or nobody can know.
    """

    pid: int
    start: int
    status: int | None = None
    signal: int | None = None
    core: bool = False


class ExitWatch(ABC):
    """Processes that are watched; belongs to the process that made it, a forked child has to make its own."""

    #: whether an end can be asked for later just as well, whoever reaps the process meanwhile, and nothing else is
    #: told
    is_patient: bool = False

    @abstractmethod
    def fileno(self) -> int:
        """Return the descriptor that is readable while there are ends to be told."""

    @abstractmethod
    def watch(self, pid: int, start: int, jid: int = 0) -> None:
        """
        Tell how a process ends; where it is a zombie, at once.

        :param start: its start time, as :func:`runjd.kernel.process.look` has it.
        :param jid: of its jail, 0 for none; where the kernel can tell, its removal is told, too.
        :raise ProcessLookupError: it is gone already.
        :raise OSError: it cannot be watched.
        """

    def go_on(self, pid: int, start: int, held: int) -> None:
        """
        Watch a process that this process watched already, before it executed another program.

        :param held: what :meth:`held` had of it; ours from now on.
        :raise OSError: as :meth:`watch`.
        """
        os.close(held)
        self.watch(pid, start)

    def held(self) -> Mapping[int, int]:
        """Return, by pid, the descriptors that can go along with an execve(2), for :meth:`go_on`."""
        return {}

    @abstractmethod
    def forget(self, pid: int) -> None:
        """Watch it no longer; nothing to do where it is not watched."""

    @abstractmethod
    def ended(self) -> list[Ended]:
        """Return those that ended since, each once; does not wait."""

    def removed(self) -> list[int]:
        """Return the pids of those whose jail was removed while they lived, as :meth:`ended` has seen it; each once."""
        return []

    @abstractmethod
    def close(self) -> None:
        """Forget all."""


def ended(pid: int, start: int, wait_status: int | None) -> Ended:
    """Return how a process ended, of its status as wait(2) gives it; None: nobody can know."""
    if wait_status is None:
        return Ended(pid, start)
    if os.WIFSIGNALED(wait_status):
        return Ended(pid, start, None, os.WTERMSIG(wait_status), os.WCOREDUMP(wait_status))
    return Ended(pid, start, os.WEXITSTATUS(wait_status))


def exit_watch() -> ExitWatch:
    """Return a new watch of this platform."""
    if sys.platform == "linux":
        from runjd.kernel.pidfdwatch import PidfdWatch

        return PidfdWatch()
    from runjd.kernel.freebsd.events import EventQueue
    from runjd.kernel.freebsd.kqueuewatch import KqueueWatch
    from runjd.kernel.freebsd.processes import process

    return KqueueWatch(EventQueue(), process)
