"""
What a program writes, on its way into one place that keeps it: its log, or where else its lines go.

An unfinished line is kept until its rest comes, but not longer than 50 ms: what
is kept here dies with the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from runjd.errors import Cancelled, InputOutput
from runjd.logs.appender import LINE_PATIENCE
from runjd.logs.contract import LogFile, Source
from runjd.logs.formats.contract import Encoding, Pieces
from runjd.logs.formats.stamp import stamp
from runjd.logs.gate import Gate
from runjd.logs.lines import LineEncoder
from runjd.policy.settings import LogRule
from runjd.protocols.loan import Loan
from runjd.supervise.logroom import LogRoom
from runjd.supervise.logstream import LentSource, Stream

#: seconds that an unfinished line is kept
PARTIAL_AGE = 0.05
#: bytes that wait to be written at which a log that shall not make its jail wait leaves lines out, and at which
#: another one keeps its jail from being started again by itself: each run leaves some, however short it is
DROP_LIMIT = 1 << 20


class Place(Protocol):
    """What keeps the records."""

    def open(self) -> LogFile:
        """Return where they are kept; called when there is something to keep."""

    def grew(self, end: int) -> None:
        """It is so many bytes long; told each time that it is longer."""

    def left_out(self, count: int) -> None:
        """So many bytes were left out."""


class LogIntake:
    """
    The way into one place.

    :param encoding: makes the records.
    :param rule: how the log is kept.
    """

    __slots__ = (
        "_deeds",
        "_encoding",
        "_file",
        "_flush_call",
        "_late_call",
        "_lent",
        "_place",
        "_room",
        "_rule",
        "_streams",
        "_taken",
        "_unwritten",
    )

    def __init__(self, room: LogRoom, place: Place, encoding: Encoding, rule: LogRule) -> None:
        self._room = room
        self._place = place
        self._encoding = encoding
        self._rule = rule
        self._file: LogFile | None = None
        self._streams: tuple[Stream, ...] = ()  # which the writer's thread looks at, too
        self._unwritten = 0
        # what was taken in here, and on the writer's thread
        self._taken = self._lent = 0
        self._flush_call: IDelayedCall | None = None
        self._deeds: tuple[Callable[[], None], ...] = ()
        self._late_call: IDelayedCall | None = None

    def write(self, name: str, data: bytes, done: Callable[[], None], loan: Loan | None = None) -> None:
        """
        Take in what the program wrote.

        :param name: of the stream, out or err.
        :param done: called once it is written, or kept as an unfinished line, or left out.
        :param loan: more may be read from there, before ``done`` is called.
        """
        self._taken += len(data)
        stream = self._stream(name)
        if self._rule.pressure == "drop":
            self._take_if_there_is_room(stream, data)
            done()
            return
        records = stream.encoder.feed(stamp(self._room.now()), data)
        if records and loan is not None:
            stream.loan = loan
            stream.since = None
            source = LentSource(stream.encoder, loan, self._room.now, self.is_line_end, self._count_lent)
            self._append(records, partial(self._returned, stream, done), source)
        else:
            self._look_at(stream, bool(records))
            self._append(records, done)

    @property
    def taken(self) -> int:
        """Bytes that were taken in."""
        return self._taken + self._lent

    @property
    def is_behind(self) -> bool:
        """Whether what waits to be written would grow without end if its jail were started again and again."""
        return self._rule.pressure == "block" and self._unwritten >= DROP_LIMIT

    def flush(self, done: Callable[[], None]) -> None:
        """Write what is unfinished; ``done`` is called once all that was given is written."""
        for stream in self._streams:
            stream.take_back()
            self._tell_gap(stream)
            self._flush_stream(stream)
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        if self._file is None:
            done()
        else:
            self._file.write([], partial(self._written, 0, done), is_line_end=self.is_line_end())

    def rest(self) -> None:
        """The program ended: keep no descriptor and no memory for it."""
        if any(stream.is_busy for stream in self._streams):
            self.flush(_nothing)
        self._streams = ()
        self._do_deeds()
        if self._file is not None:
            self._file.close()  # and kept: what the next program writes comes behind what the disk still refuses

    def abandon(self) -> None:
        """The jail is forgotten."""
        if self._file is not None:
            self._file.abandon()

    def keep(self, rule: LogRule, encoding: Encoding) -> None:
        """Keep the log by another rule from now on."""
        if self._streams:
            self.flush(_nothing)
            self._streams = ()
        self._rule = rule
        self._encoding = encoding
        if self._file is not None:
            self._file.keep(rule)

    def tend(self, deed: str) -> Deferred[None]:
        """See :meth:`runjd.interfaces.ILog.tend`."""
        file = self._opened()
        result: Deferred[None] = Deferred(_abandon)

        def done(error: OSError | None) -> None:
            if result.called:
                return  # no longer waited for
            if error is None:
                result.callback(None)
            else:
                result.errback(InputOutput(f"{file.path}: {error.strerror}"))

        def do() -> None:
            (file.rotate if deed == "rotate" else file.reopen)(done)
            if not self._streams:
                file.close()  # nothing runs

        self._when_line_ends(do)
        return result

    def is_line_end(self) -> bool:
        """Whether no line is unfinished behind all that was given on."""
        for stream in self._streams:  # noqa: SIM110 # asked for each chunk, and a generator takes its time
            if stream.encoder.is_open:
                return False
        return True

    # --- a log that does not make its jail wait -----------------------------------------

    def _take_if_there_is_room(self, stream: Stream, data: bytes) -> None:
        if stream.gate is None:
            stream.gate = Gate()
        # Once something is left out, all that waits is written first: one gap rather than hundreds.
        is_full = self._unwritten >= DROP_LIMIT or (stream.gate.lost > 0 and self._unwritten > 0)
        before = stream.gate.lost
        admitted = stream.gate.admit(data, is_full)
        if stream.gate.lost > before:
            self._place.left_out(stream.gate.lost - before)
        records = stream.encoder.feed(stamp(self._room.now()), admitted)
        self._look_at(stream, bool(records))
        self._append(records, _nothing)

    def _tell_gap(self, stream: Stream) -> None:
        """Write the line that tells of what was left out."""
        if stream.gate is not None and stream.gate.lost:
            self._append(stream.encoder.feed(stamp(self._room.now()), stream.gate.notice()), _nothing)

    # --- inside -----------------------------------------------------------------------

    def _stream(self, name: str) -> Stream:
        for stream in self._streams:
            if stream.name == name:
                return stream
        stream = Stream(name, LineEncoder(self._encoding, name, self._rule.line_limit))
        self._streams += (stream,)
        return stream

    def _count_lent(self, size: int) -> None:
        """So many bytes were taken in on the writer's thread, which is the only one that says so."""
        self._lent += size

    def _append(self, records: Pieces, done: Callable[[], None], source: Source | None = None) -> None:
        if not records:
            done()
            return
        is_line_end = self.is_line_end()
        size = sum(map(len, records))
        self._unwritten += size
        self._opened().write(records, partial(self._written, size, done), is_line_end=is_line_end, source=source)
        if self._deeds and is_line_end:
            self._do_deeds()

    def _opened(self) -> LogFile:
        if self._file is None:
            self._file = self._place.open()
        return self._file

    def _written(self, size: int, done: Callable[[], None], end: int) -> None:
        self._unwritten -= size
        try:
            self._place.grew(end)
        finally:
            done()
        if not self._unwritten:
            for stream in self._streams:
                if stream.gate is not None and not stream.gate.is_in_line:
                    self._tell_gap(stream)

    def _returned(self, stream: Stream, done: Callable[[], None]) -> None:
        """The writer has taken what there was, and all of it is written."""
        stream.loan = None
        if stream in self._streams:
            self._look_at(stream, True)
        done()

    def _look_at(self, stream: Stream, is_new: bool) -> None:
        """See to it that an unfinished line is not kept too long."""
        if not stream.encoder.pending:
            stream.since = None
            return
        if is_new or stream.since is None:
            stream.since = self._room.clock.seconds()
        if self._flush_call is None:
            self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)

    def _flush_old(self) -> None:
        self._flush_call = None
        oldest = self._room.clock.seconds() - PARTIAL_AGE + 0.001
        for stream in self._streams:
            if stream.since is not None and stream.since <= oldest:
                self._flush_stream(stream)
        if any(stream.since is not None for stream in self._streams):
            self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)

    def _flush_stream(self, stream: Stream) -> None:
        stream.since = None
        self._append(stream.encoder.flush(stamp(self._room.now())), _nothing)

    def _when_line_ends(self, deed: Callable[[], None]) -> None:
        """Do it behind the end of the line that is being written; a line that does not end is not waited for long."""
        for stream in self._streams:
            stream.take_back()
        self._deeds += (deed,)
        if self.is_line_end():
            self._do_deeds()
        elif self._late_call is None:
            self._late_call = self._room.clock.callLater(LINE_PATIENCE, self._do_deeds)

    def _do_deeds(self) -> None:
        if self._late_call is not None and self._late_call.active():
            self._late_call.cancel()
        self._late_call = None
        deeds, self._deeds = self._deeds, ()
        for deed in deeds:
            deed()


def _nothing() -> None:
    pass


def _abandon(result: Deferred[None]) -> None:
    result.errback(Cancelled("no longer waited for"))
