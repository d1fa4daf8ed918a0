"""
Who looks on at a process, and types into it.

A paused viewer of an attach loses output and is told how much; nothing is kept
for it.  A paused viewer of an exec stops the reading, so its process waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from runjd.interfaces import ISession, IViewer
from runjd.policy.facts import ExitRecord


class Target(Protocol):
    """What a session does to its process."""

    def write(self, data: bytes) -> Deferred[None] | None:
        """Send to standard input, or to the terminal; see :meth:`ISession.write`."""

    def close_stdin(self) -> None:
        """No more input comes."""

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of the terminal."""

    def pause_output(self) -> None:
        """Read no output until told otherwise."""

    def resume_output(self) -> None:
        """Read output again."""

    def viewer_left(self, is_owner: bool) -> None:
        """A viewer let go; the owner of a process is who asked for its exec."""


class Viewers:
    """All sessions of one process. A viewer that raises is dropped, and told in the daemon's log."""

    __slots__ = ("_sessions",)
    _log = Logger()

    def __init__(self) -> None:
        self._sessions: list[Session] = []

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    def add(self, session: Session) -> None:
        """Show this session everything from now on."""
        self._sessions.append(session)

    def remove(self, session: Session) -> None:
        """Show it nothing more."""
        if session in self._sessions:
            self._sessions.remove(session)

    def output(self, stream: str, data: bytes) -> None:
        """Show what the process wrote to ``out`` or ``err``."""
        for session in tuple(self._sessions):
            try:
                session.deliver(stream, data)
            except Exception:
                self._drop(session)

    def end(self, exit: ExitRecord | None) -> None:
        """The process ended, or the daemon lets go of it: every session is over."""
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            try:
                session.end(exit)
            except Exception:
                self._drop(session)

    def _drop(self, session: Session) -> None:
        self._log.failure("a viewer of process {pid} failed and is dropped", pid=session.pid)
        try:
            session.detach()
        except Exception:
            self._log.failure("a viewer that failed could not be detached")


@implementer(ISession)
class Session:
    """
    One viewer's hold on one process.

    :param viewers: where this session is listed.
    :param target: the process.
    :param lossless: a pause makes the process wait (exec) instead of losing output (attach).
    :param owner: the process is told when this viewer lets go (exec).
    """

    __slots__ = (
        "_ended",
        "_lossless",
        "_lost",
        "_owner",
        "_paused",
        "_target",
        "_viewer",
        "_viewers",
        "exec_id",
        "pid",
        "terminal",
    )

    def __init__(
        self,
        viewers: Viewers,
        target: Target,
        viewer: IViewer,
        *,
        pid: int,
        terminal: bool,
        exec_id: str = "",
        lossless: bool = False,
        owner: bool = False,
    ) -> None:
        self.pid = pid
        self.terminal = terminal
        self.exec_id = exec_id
        self._viewers = viewers
        self._target = target
        self._viewer = viewer
        self._lossless = lossless
        self._owner = owner
        self._paused = False
        self._ended = False
        self._lost = 0
        viewers.add(self)

    def deliver(self, stream: str, data: bytes) -> None:
        """Show what the process wrote, or count it as lost."""
        if self._paused and not self._lossless:
            self._lost += len(data)
        elif stream == "err":
            self._viewer.err(data)
        else:
            self._viewer.out(data)

    def end(self, exit: ExitRecord | None) -> None:
        """Tell the viewer, once, that nothing more comes."""
        if self._ended:
            return
        self._ended = True
        self._tell_gap()
        self._viewer.ended(exit)

    def write(self, data: bytes) -> Deferred[None] | None:
        return None if self._ended else self._target.write(data)

    def close_stdin(self) -> None:
        if not self._ended:
            self._target.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        if not self._ended and self.terminal:
            self._target.resize(rows, columns)

    def detach(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._viewers.remove(self)
        if self._lossless and self._paused:
            self._target.resume_output()
        self._target.viewer_left(self._owner)

    def pauseProducing(self) -> None:
        if self._ended or self._paused:
            return
        self._paused = True
        if self._lossless:
            self._target.pause_output()

    def resumeProducing(self) -> None:
        if self._ended or not self._paused:
            return
        self._paused = False
        self._tell_gap()
        if self._lossless:
            self._target.resume_output()

    def stopProducing(self) -> None:
        self.detach()

    def _tell_gap(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self._viewer.gap(lost)
