"""
Who looks on at a process, and types into it.

A paused viewer of an attach loses output and is told how much; nothing is kept
for it.  A paused viewer of an exec stops the reading, so its process waits.

One session types, unless others ask to share: two people who type into one
terminal without knowing of each other make commands that neither meant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from runjd.errors import WrongState
from runjd.interfaces import ISession, IViewer
from runjd.policy.facts import ExitRecord, SessionFacts
from runjd.supervise.guestbook import GuestBook
from runjd.values import Value


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

    def viewer_came(self) -> None:
        """Somebody looks on."""

    def viewer_left(self, is_owner: bool) -> None:
        """A viewer let go; the owner of a process is who asked for its exec."""


class Viewers:
    """All sessions of one process. A viewer that raises is dropped, and told in the daemon's log."""

    __slots__ = ("_sessions",)
    _log = Logger()

    def __init__(self) -> None:
        self._sessions: tuple[Session, ...] = ()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(self._sessions)

    def add(self, session: Session) -> None:
        """Show this session everything from now on."""
        self._sessions += (session,)

    def remove(self, session: Session) -> None:
        """Show it nothing more."""
        self._sessions = tuple(each for each in self._sessions if each is not session)

    @property
    def typist(self) -> Session | None:
        """The first of those whose input reaches the process."""
        return next((session for session in self._sessions if session.types), None)

    def output(self, stream: str, data: bytes) -> None:
        """Show what the process wrote to ``out`` or ``err``."""
        for session in self._sessions:
            self._guarded(session, session.deliver, stream, data)

    def take_input(self, by: str) -> None:
        """Let nobody type any more, for the sake of whoever is named."""
        for session in self._sessions:
            if session.types:
                self._guarded(session, session.lose_input, by)

    def end(self, exit: ExitRecord | None) -> None:
        """The process ended, or the daemon lets go of it: every session is over."""
        sessions, self._sessions = self._sessions, ()
        for session in sessions:
            self._guarded(session, session.end, exit)

    def _guarded(self, session: Session, tell: Callable[..., None], *words: object) -> None:
        try:
            tell(*words)
        except Exception:
            self._log.failure("a viewer of process {pid} failed and is dropped", pid=session.pid)
            try:
                session.detach()
            except Exception:
                self._log.failure("a viewer that failed could not be detached")


def input_of(jail: str, wanted: str, is_open: bool) -> str:
    """
    Return how a session's input can reach a process.

    :param wanted: one of :data:`runjd.policy.facts.INPUTS`.
    :param is_open: whether the process was given an input.
    :raise WrongState: it must, and cannot.
    """
    if is_open or wanted == "no":
        return wanted
    if wanted == "free":
        return "no"
    raise WrongState(f'jail "{jail}" reads no input: it was run without stdin=yes and has no terminal', jail=jail)


class Visit(Value):
    """
    What a session is for.

    :ivar kind: run, attach or exec.
    :ivar input: one of :data:`runjd.policy.facts.INPUTS`.
    :ivar lossless: a pause makes the process wait (run, exec) instead of losing output (attach).
    :ivar owner: the process is told when this viewer lets go (exec).
    """

    kind: str
    jail: str
    pid: int
    terminal: bool
    by: str
    at: float
    exec_id: str = ""
    input: str = "free"
    lossless: bool = False
    owner: bool = False


@implementer(ISession)
class Session:
    """
    One viewer's hold on one process.

    :param book: where all sessions are listed.
    :param viewers: where those of this process are.
    :param target: the process.
    :raise WrongState: it must type, and somebody else does.
    """

    __slots__ = (
        "_book",
        "_ended",
        "_is_held",
        "_lost",
        "_lost_ever",
        "_paused",
        "_target",
        "_viewer",
        "_viewers",
        "number",
        "types",
        "visit",
    )

    def __init__(self, book: GuestBook, viewers: Viewers, target: Target, viewer: IViewer, visit: Visit) -> None:
        self.visit = visit
        self._book = book
        self._viewers = viewers
        self._target = target
        self._viewer = viewer
        self._paused = False
        self._is_held = False
        self._ended = False
        self._lost = self._lost_ever = 0
        self.number = 0
        typist = viewers.typist
        if visit.input == "yes" and typist is not None:
            raise WrongState(
                f"session {typist.number} of {typist.visit.by} types there; take its place by input=steal, "
                "or look on by input=no",
                session=typist.number,
            )
        if visit.input == "steal":
            viewers.take_input(visit.by)
        self.types = visit.input not in ("free", "no") or (visit.input == "free" and typist is None)
        self.number = book.enter(self)
        viewers.add(self)
        target.viewer_came()

    @property
    def terminal(self) -> bool:
        return self.visit.terminal

    @property
    def pid(self) -> int:
        return self.visit.pid

    @property
    def exec_id(self) -> str:
        return self.visit.exec_id

    @property
    def typist(self) -> str:
        typist = self._viewers.typist
        return "" if typist is None or typist is self else typist.visit.by

    def facts(self) -> SessionFacts:
        """Return what is to be told of it."""
        visit = self.visit
        return SessionFacts(
            self.number,
            visit.kind,
            visit.jail,
            visit.exec_id,
            visit.pid,
            visit.by,
            visit.at,
            self.types,
            self._paused,
            self._lost_ever,
        )

    def deliver(self, stream: str, data: bytes) -> None:
        """Show what the process wrote, or count it as lost."""
        if self._paused and not self.visit.lossless:
            self._lost += len(data)
            self._lost_ever += len(data)
        elif stream == "err":
            self._viewer.err(data)
        else:
            self._viewer.out(data)

    def end(self, exit: ExitRecord | None) -> None:
        """Tell the viewer, once, that nothing more comes."""
        if self._leave():
            self._tell_gap()
            self._viewer.ended(exit)

    def dismiss(self, by: str) -> None:
        """End it, and tell its viewer who wanted that."""
        if not self._ended:
            self.detach()
            self._tell_gap()
            self._viewer.dismissed(by)

    def lose_input(self, by: str) -> None:
        """Somebody else types from now on."""
        self.types = False
        self._viewer.input_changed(False, by)

    def write(self, data: bytes) -> Deferred[None] | None:
        return self._target.write(data) if self._may_type() else None

    def close_stdin(self) -> None:
        if self._may_type():
            self._target.close_stdin()

    def resize(self, rows: int, columns: int) -> None:
        if self.visit.terminal and self._may_type():
            self._target.resize(rows, columns)

    def detach(self) -> None:
        if not self._leave():
            return
        self._viewers.remove(self)
        self.release_output()
        if self.visit.lossless and self._paused:
            self._target.resume_output()
        self._target.viewer_left(self.visit.owner)

    def hold_output(self) -> None:
        if not self._ended and not self._is_held:
            self._is_held = True
            self._target.pause_output()

    def release_output(self) -> None:
        if self._is_held:
            self._is_held = False
            self._target.resume_output()

    def pauseProducing(self) -> None:
        if self._ended or self._paused:
            return
        self._paused = True
        if self.visit.lossless:
            self._target.pause_output()

    def resumeProducing(self) -> None:
        if self._ended or not self._paused:
            return
        self._paused = False
        self._tell_gap()
        if self.visit.lossless:
            self._target.resume_output()

    def stopProducing(self) -> None:
        self.detach()

    def _leave(self) -> bool:
        """Be over; False where it was already."""
        is_first, self._ended = not self._ended, True
        self._book.leave(self.number)
        return is_first

    def _may_type(self) -> bool:
        """Whether its input counts; the place of a typist who left is taken by the next who types."""
        if not self._ended and not self.types and self.visit.input == "free" and self._viewers.typist is None:
            self.types = True
            self._viewer.input_changed(True, self.visit.by)
        return self.types and not self._ended

    def _tell_gap(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            self._viewer.gap(lost)
