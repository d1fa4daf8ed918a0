"""
Reaping: how every child that ended is looked at, written down and told, before the pid is given back.

A process of a jail is its worker's child first and comes to us when that is
gone, so it can end before we know of it: the status of an unknown pid is kept
until every worker that was at work then has reported.  Other unknown pids are
orphans out of jails.  Nothing may stay a zombie: in a pid namespace one that was
brought in from outside blocks the end of the init process.

waitid(2) with WNOWAIT shows a zombie and leaves it there, so the pid is no
stranger's until its exit is on disk.

Linux shows the oldest child first, FreeBSD the newest (its list begins there): a jail that
leaves orphans faster than they are reaped would hide the ends of others.  So while a
crowd ends, each turn looks at some of the known ones, too.
"""

from __future__ import annotations

import os

from runjd.keeper.children import Exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.keeper.children import Child, Children
    from runjd.keeper.exits import ExitStore
    from runjd.keeper.loop import Loop
    from runjd.keeper.workers import Workers

_A_TURN = 64
#: seconds between attempts to write what could not be written
_RETRY = 2.0


class Reaping:
    """
    Learns how children ended.

    :param tell: called with each process of a jail that ended.
    :param now: the wall clock, in seconds.
    :param log: for what cannot be written.
    :param tell_trouble: told why exits cannot be written down, and the empty text once all of them are.
    :param look: os.waitid.
    """

    def __init__(
        self,
        loop: Loop,
        children: Children,
        workers: Workers,
        exits: ExitStore,
        tell: Callable[[Child], None],
        now: Callable[[], float],
        log: Callable[[str], None],
        tell_trouble: Callable[[str], None],
        look: Callable[[int, int, int], os.waitid_result | None] = os.waitid,
    ) -> None:
        self._loop = loop
        self._children = children
        self._workers = workers
        self._exits = exits
        self._tell = tell
        self._now = now
        self._log = log
        self._tell_trouble = tell_trouble
        self._look = look
        #: why exits cannot be written down; empty where they can
        self.trouble = ""
        # pid to how it ended, and the newest worker that may yet claim it
        self._unclaimed: dict[int, tuple[Exit, int]] = {}
        self._unwritten: list[Child] = []
        # known ones that were not looked at since all were
        self._due: list[Child] = []

    def turn(self) -> None:
        """Reap what ended; where that is very much, the rest after others had their turn."""
        if self._unclaimed:
            self._let_go()
        for _ in range(_A_TURN):
            try:
                found = self._look(os.P_ALL, 0, _LOOK)
            except ChildProcessError:
                return
            if found is None:
                return
            try:
                self._reap(found)
            except Exception as error:  # it must not keep the others from being reaped
                self._log(f"the end of process {found.si_pid} could not be dealt with: {error!r}")
        self._look_at_known()
        self._loop.call_later(0.0, self.turn)

    def go_on(self) -> None:
        """Go on where another version of us stood: write what it could not, and tell what ended meanwhile."""
        self._unwritten = [child for child in self._children if child.exit is not None and not child.exit.recorded]
        if self._unwritten:
            self._loop.call_later(_RETRY, self._write_again)
        self._loop.call_later(0.0, self.turn)

    def claim(self, child: Child) -> None:
        """Tell of the end of a process that was just added, if it has ended already."""
        unclaimed = self._unclaimed.pop(child.pid, None)
        if unclaimed is not None:
            self._end(child, unclaimed[0])

    def ended(self, child: Child, exit: Exit) -> None:
        """Write down and tell how a process ended that is not ours to reap."""
        self._end(child, exit)

    def reap(self, child: Child) -> None:
        """Reap one process now, if it has ended."""
        try:
            found = self._look(os.P_PID, child.pid, _LOOK)
        except ChildProcessError:  # still its worker's
            return
        if found is not None:
            self._reap(found)

    def forget(self, jail: str, exec: str, pid: int) -> None:
        """The end of a process was dealt with."""
        child = self._children.forget(jail, exec, pid)
        if child is not None:
            if child in self._unwritten:
                self._unwritten.remove(child)
                self._all_written()
            self._exits.remove(child)

    def _look_at_known(self) -> None:
        """Reap those of some known children that have ended; all get their turn."""
        if not self._due:
            self._due = [child for child in self._children if child.is_ours and child.exit is None]
        for _ in range(min(_A_TURN, len(self._due))):
            child = self._due.pop()
            if child.exit is None:
                self.reap(child)

    def _reap(self, found: os.waitid_result) -> None:
        pid = found.si_pid
        try:
            child = self._children.find_living(pid)
            is_worker = child is None and self._workers.ended(pid)
            if is_worker:
                # one that became a process of a jail, as was heard of just now
                child = self._children.find_living(pid)
            if child is not None:
                self._end(child, self._exit(found))
            elif not is_worker and self._workers.oldest_at_work <= self._workers.newest:
                self._unclaimed[pid] = (self._exit(found), self._workers.newest)
        finally:
            # whatever went wrong: the same zombie must not be found again
            os.waitpid(pid, os.WNOHANG)

    def _end(self, child: Child, exit: Exit) -> None:
        self._children.end(child, exit)
        self._write(child)
        self._tell(child)

    def _exit(self, found: os.waitid_result) -> Exit:
        if found.si_code == os.CLD_EXITED:
            return Exit(found.si_status, None, self._now(), False, False)
        return Exit(None, found.si_status, self._now(), found.si_code == os.CLD_DUMPED, False)

    def _write(self, child: Child) -> bool:
        assert child.exit is not None
        try:
            self._exits.save(child)
        except OSError as error:
            if child not in self._unwritten:
                self._log(f"the exit of {child.jail} {child.exec} cannot be written yet: {error}")
                self._unwritten.append(child)
                self._loop.call_later(_RETRY, self._write_again)
            if not self.trouble:
                self.trouble = f"exits cannot be written down: {error.strerror or error}"
                self._tell_trouble(self.trouble)
            return False
        child.exit = Exit(*child.exit[:4], True)
        return True

    def _write_again(self) -> None:
        left = [child for child in self._unwritten if not self._write(child)]
        if left and len(left) < len(self._unwritten):
            self._log(f"{len(left)} exits cannot be written yet")
        self._unwritten = left
        if left:
            self._loop.call_later(_RETRY, self._write_again)
        self._all_written()

    def _all_written(self) -> None:
        """Tell it, where that is news."""
        if self.trouble and not self._unwritten:
            self.trouble = ""
            self._tell_trouble("")

    def _let_go(self) -> None:
        oldest = self._workers.oldest_at_work
        self._unclaimed = {pid: kept for pid, kept in self._unclaimed.items() if kept[1] >= oldest}


_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT
