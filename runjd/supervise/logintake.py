"""
What a program writes, on its way into the log of its jail.

An unfinished line is kept until its rest comes, but not longer than 50 ms: what
is kept here dies with the daemon.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from runjd.errors import Cancelled, InputOutput
from runjd.logs.appender import LINE_PATIENCE
from runjd.logs.contract import LogFile, Source
from runjd.logs.formats.contract import Pieces
from runjd.logs.formats.stamp import stamp
from runjd.logs.formats.table import FORMATS
from runjd.logs.lines import LineEncoder
from runjd.policy.settings import LogRule
from runjd.protocols.loan import Loan
from runjd.supervise.logroom import LogRoom

#: seconds that an unfinished line is kept
PARTIAL_AGE = 0.05


class LogIntake:
    """
    The way into one log.

    :param path: of the log.
    :param rule: how it is kept.
    :param grown: told how long the log is, each time that it is longer.
    """

    __slots__ = (
        "_deeds",
        "_encoders",
        "_file",
        "_flush_call",
        "_grown",
        "_late_call",
        "_lent",
        "_path",
        "_room",
        "_rule",
        "_since",
    )

    def __init__(self, room: LogRoom, path: str, rule: LogRule, grown: Callable[[int], None]) -> None:
        self._room = room
        self._path = path
        self._rule = rule
        self._grown = grown
        self._file: LogFile | None = None
        self._encoders: dict[str, LineEncoder] = {}
        self._since: dict[str, float] = {}
        self._lent: dict[str, Loan] = {}
        self._flush_call: IDelayedCall | None = None
        self._deeds: list[Callable[[], None]] = []
        self._late_call: IDelayedCall | None = None

    def write(self, stream: str, data: bytes, done: Callable[[], None], loan: Loan | None = None) -> None:
        """
        Log what the program wrote.

        :param stream: out or err.
        :param done: called once it is written, or kept as an unfinished line.
        :param loan: more may be read from there, before ``done`` is called.
        """
        encoder = self._encoders.get(stream)
        if encoder is None:
            encoder = self._encoders[stream] = LineEncoder(FORMATS[self._rule.format], stream, self._rule.line_limit)
        records = encoder.feed(stamp(self._room.now()), data)
        if records and loan is not None:
            self._lent[stream] = loan
            self._since.pop(stream, None)
            self._append(records, lambda: self._returned(stream, done), _LentSource(self, encoder, loan))
            return
        self._look_at(stream, encoder, bool(records))
        self._append(records, done)

    def flush(self, done: Callable[[], None]) -> None:
        """Write what is unfinished; ``done`` is called once all that was given is in the file."""
        for loan in self._lent.values():
            loan.take_back()
        for encoder in self._encoders.values():
            self._append(encoder.flush(stamp(self._room.now())), _nothing)
        self._since.clear()
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        if self._file is None:
            done()
        else:
            self._file.write([], self._written(done), is_line_end=self.is_line_end)

    def keep(self, rule: LogRule) -> None:
        """Keep the log by another rule from now on."""
        if rule == self._rule:
            return
        if self._encoders:
            self.flush(_nothing)
            self._encoders.clear()
        self._rule = rule
        if self._file is not None:
            self._file.keep(rule)

    def tend(self, deed: str) -> Deferred[None]:
        """See :meth:`runjd.interfaces.IController.tend_log`."""
        file = self._opened()
        result: Deferred[None] = Deferred(_abandon)

        def done(error: OSError | None) -> None:
            if result.called:
                return  # no longer waited for
            if error is None:
                result.callback(None)
            else:
                result.errback(InputOutput(f"{self._path}: {error.strerror}"))

        def do() -> None:
            (file.rotate if deed == "rotate" else file.reopen)(done)
            if not self._encoders:
                file.close()  # nothing runs

        self._when_line_ends(do)
        return result

    def flush_in_time(self, limit: float, done: Callable[[], None]) -> None:
        """Like :meth:`flush`, but ``done`` is called after ``limit`` seconds at the latest."""
        waiting = [done]

        def flushed() -> None:
            if waiting:
                if late.active():
                    late.cancel()
                waiting.pop()()

        late = self._room.clock.callLater(limit, flushed)
        self.flush(flushed)

    def rest(self) -> None:
        """The program ended: keep no descriptor and no memory for it."""
        if self._since or self._lent:
            self.flush(_nothing)
        self._encoders.clear()
        self._do_deeds()
        if self._file is not None:
            self._file.close()  # and kept: what the next program writes comes behind what the disk still refuses

    @property
    def is_line_end(self) -> bool:
        """Whether no line is unfinished in the log, once all that was given is written."""
        return not any(encoder.is_open for encoder in self._encoders.values())

    def encode(self, encoder: LineEncoder, data: bytes) -> tuple[Pieces, bool]:
        """Return the records of a chunk, and whether no line is unfinished behind them; on the writer's thread."""
        return encoder.feed(stamp(self._room.now()), data), self.is_line_end

    # --- inside -----------------------------------------------------------------------

    def _append(self, records: Pieces, done: Callable[[], None], source: Source | None = None) -> None:
        if not records:
            done()
            return
        is_line_end = self.is_line_end
        self._opened().write(records, self._written(done), is_line_end=is_line_end, source=source)
        if self._deeds and is_line_end:
            self._do_deeds()

    def _opened(self) -> LogFile:
        if self._file is None:
            self._file = self._room.writer.open(self._path, self._rule)
        return self._file

    def _when_line_ends(self, deed: Callable[[], None]) -> None:
        """Do it behind the end of the line that is being written; a line that does not end is not waited for long."""
        for loan in self._lent.values():
            loan.take_back()
        self._deeds.append(deed)
        if self.is_line_end:
            self._do_deeds()
        elif self._late_call is None:
            self._late_call = self._room.clock.callLater(LINE_PATIENCE, self._do_deeds)

    def _do_deeds(self) -> None:
        if self._late_call is not None and self._late_call.active():
            self._late_call.cancel()
        self._late_call = None
        deeds, self._deeds = self._deeds, []
        for deed in deeds:
            deed()

    def _written(self, done: Callable[[], None]) -> Callable[[int], None]:
        def written(end: int) -> None:
            try:
                self._grown(end)
            finally:
                done()

        return written

    def _returned(self, stream: str, done: Callable[[], None]) -> None:
        """The writer has taken what there was, and all of it is written."""
        if self._lent.pop(stream, None) is not None:
            encoder = self._encoders.get(stream)
            if encoder is not None:
                self._look_at(stream, encoder, True)
        done()

    def _look_at(self, stream: str, encoder: LineEncoder, is_new: bool) -> None:
        """See to it that an unfinished line is not kept too long."""
        if not encoder.pending:
            self._since.pop(stream, None)
            return
        if is_new or stream not in self._since:
            self._since[stream] = self._room.clock.seconds()
        if self._flush_call is None:
            self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)

    def _flush_old(self) -> None:
        self._flush_call = None
        oldest = self._room.clock.seconds() - PARTIAL_AGE + 0.001
        for stream, since in list(self._since.items()):
            if since <= oldest:
                del self._since[stream]
                self._append(self._encoders[stream].flush(stamp(self._room.now())), _nothing)
        if self._since:
            self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)


class _LentSource(Source):
    """Records of what is read on the writer's thread."""

    __slots__ = ("_encoder", "_intake", "_loan")

    def __init__(self, intake: LogIntake, encoder: LineEncoder, loan: Loan) -> None:
        self._intake = intake
        self._encoder = encoder
        self._loan = loan

    def take(self) -> tuple[Pieces, bool] | None:
        return self._loan.take(self._make)

    def _make(self, data: bytes) -> tuple[Pieces, bool]:
        return self._intake.encode(self._encoder, data)


def _nothing() -> None:
    pass


def _abandon(result: Deferred[None]) -> None:
    result.errback(Cancelled("no longer waited for"))
