"""
What a connection becomes after ATTACH or EXEC: raw bytes, or frames.

A stream is the viewer of a process's output and, for the transport, the producer
of it: the transport's buffer and the client's ``P`` and ``C`` frames pause the
session, which then loses output (attach) or makes the process wait (exec).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from runjd.errors import RunjdError, SyntaxFault
from runjd.interfaces import ISession, IViewer
from runjd.policy.facts import ExitRecord
from runjd.protocols.attach import Frame, FrameReader, format_frames, format_named, parse_size

MODES = ("raw", "frame")
#: bytes of output that are held back until the reply is written
MAX_EARLY = 65_536


class StreamTransport(Protocol):
    """What a stream needs of its connection."""

    def write(self, data: bytes) -> None:
        """Send."""

    def loseConnection(self) -> None:
        """Send what was written, then close."""

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None:
        """Pause this producer when the buffer is full."""

    def unregisterProducer(self) -> None:
        """Do so no longer."""

    def pauseProducing(self) -> None:
        """Read no more."""

    def resumeProducing(self) -> None:
        """Read again."""


@implementer(IViewer, IPushProducer)
class Stream:
    """
    The raw stream: bytes both ways until one side closes.

    What comes before the reply is written (:meth:`open`) is held back, up to
    :data:`MAX_EARLY` bytes; then the session is paused.

    :param closes_stdin: the client's half-close ends the process's input (exec).
    """

    def __init__(self, transport: StreamTransport, *, closes_stdin: bool = False) -> None:
        self._transport = transport
        self._session: ISession | None = None
        self._early: list[Callable[[], None]] | None = []
        self._early_size = 0
        self._is_over = False
        self._is_full = False
        self._is_held = False
        self._is_input_closed = False
        self._untaken = 0
        self.closes_stdin = closes_stdin

    def take(self, session: ISession) -> None:
        """Take the session, or let go of it where the client is gone."""
        self._session = session
        if self._is_over:
            session.detach()

    def show_first(self, written: Iterable[tuple[str, bytes]]) -> None:
        """Show what the process wrote before the session began: stream and bytes."""
        if self._early is not None:
            shown = [partial(self._show, "E" if stream == "err" else "O", data) for stream, data in written]
            self._early[:0] = shown

    def open(self) -> None:
        """Begin: the reply is written."""
        self._transport.registerProducer(self, True)
        early, self._early = self._early or [], None
        for say in early:
            say()
        self._pause_or_resume()

    def received(self, data: bytes) -> None:
        """Pass on what the client sent."""
        self._input(data)

    def input_closed(self) -> None:
        """The client sends no more, and still reads."""
        self._is_input_closed = True
        if self.closes_stdin and self._session is not None and not self._is_over:
            self._session.close_stdin()

    def lost(self) -> None:
        """The client is gone."""
        if not self._is_over:
            self._is_over = True
            if self._session is not None:
                self._session.detach()

    def out(self, data: bytes) -> None:
        self._say(lambda: self._show("O", data), len(data))

    def err(self, data: bytes) -> None:
        self._say(lambda: self._show("E", data), len(data))

    def gap(self, lost: int) -> None:
        self._say(lambda: self._show_gap(lost))

    def ended(self, exit: ExitRecord | None) -> None:
        self._say(lambda: self._end(exit_fields(exit) if exit is not None else ()))

    def input_changed(self, types: bool, by: str) -> None:
        self._say(lambda: self._show_input(types, by))

    def dismissed(self, by: str) -> None:
        self._say(lambda: self._end((("closed", by),)))

    def pauseProducing(self) -> None:
        self._is_full = True
        self._pause_or_resume()

    def resumeProducing(self) -> None:
        self._is_full = False
        self._pause_or_resume()

    def stopProducing(self) -> None:
        self.lost()

    def _show(self, kind: str, data: bytes) -> None:
        self._transport.write(data)

    def _show_gap(self, lost: int) -> None:
        """Raw bytes cannot tell of a gap."""

    def _show_input(self, types: bool, by: str) -> None:
        """Raw bytes cannot tell who types."""

    def _show_end(self, fields: Sequence[tuple[str, str]]) -> None:
        """Raw bytes cannot tell of an exit."""

    def _say(self, say: Callable[[], None], size: int = 0) -> None:
        if self._is_over:
            return
        if self._early is None:
            say()
            return
        self._early.append(say)
        self._early_size += size
        if self._early_size > MAX_EARLY and self._session is not None:
            self._session.pauseProducing()

    def _end(self, fields: Sequence[tuple[str, str]]) -> None:
        self._is_over = True
        self._show_end(fields)
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _hang_up(self) -> None:
        """Let go of the process, and close."""
        self.lost()
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _pause_or_resume(self) -> None:
        if self._session is None or self._is_over or self._early is not None:
            return
        if self._is_full or self._is_held:
            self._session.pauseProducing()
        else:
            self._session.resumeProducing()

    def _input(self, data: bytes) -> None:
        if self._session is None or self._is_over:
            return
        try:
            taken = self._session.write(data)
        except RunjdError:
            self._hang_up()  # the process reads nothing, and others filled what can wait
            return
        if taken is not None:
            self._untaken += 1
            self._transport.pauseProducing()
            taken.addBoth(lambda _: self._taken())

    def _taken(self) -> None:
        """The process read what it was sent."""
        self._untaken -= 1
        if not self._untaken and not self._is_over and not self._is_input_closed:
            self._transport.resumeProducing()


class FrameStream(Stream):
    """The stream of frames, runjd.protocols.attach."""

    def __init__(self, transport: StreamTransport, *, closes_stdin: bool = False) -> None:
        super().__init__(transport, closes_stdin=closes_stdin)
        self._frames = FrameReader()

    def received(self, data: bytes) -> None:
        try:
            frames = self._frames.feed(data)
            for number, frame in enumerate(frames, 1):
                if frame.kind == "W" and number < len(frames) and frames[number].kind == "W":
                    parse_size(frame.data)  # of a storm of sizes only the last one counts
                else:
                    self._take(frame)
        except SyntaxFault:
            self._hang_up()

    def input_closed(self) -> None:
        if self._frames.is_between:
            super().input_closed()
        else:
            self._hang_up()

    def _take(self, frame: Frame) -> None:
        if self._session is None or self._is_over:
            return
        if frame.kind == "I":
            if frame.data:
                self._input(frame.data)
            else:
                self._session.close_stdin()
        elif frame.kind == "W":
            self._session.resize(*parse_size(frame.data))
        elif frame.kind in "PC":
            self._is_held = frame.kind == "P"
            self._pause_or_resume()

    def _show(self, kind: str, data: bytes) -> None:
        for frame in format_frames(kind, data):
            self._transport.write(frame)

    def _show_gap(self, lost: int) -> None:
        self._transport.write(format_named("G", [("lost", str(lost))]))

    def _show_input(self, types: bool, by: str) -> None:
        self._transport.write(format_named("S", [("input", "yes" if types else "no"), ("by", by)]))

    def _show_end(self, fields: Sequence[tuple[str, str]]) -> None:
        self._transport.write(format_named("X", fields))


def exit_fields(exit: ExitRecord) -> list[tuple[str, str]]:
    """Return how a process ended: ``exit=`` or ``signal=``, ``exit=unknown`` where nobody saw it, and ``oom=``."""
    if exit.signal is not None:
        how = [("signal", str(exit.signal)), *([("core", "yes")] if exit.core else [])]
    else:
        how = [("exit", "unknown" if exit.status is None else str(exit.status))]
    return how if exit.oom is None else [*how, ("oom", "yes" if exit.oom else "no")]
