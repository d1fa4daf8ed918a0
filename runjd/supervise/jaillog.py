"""
The log of one jail: what its init process writes goes in, pages come out.

An unfinished line is kept until its rest comes, but not longer than 50 ms: what
is kept here dies with the daemon.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

from runjd.errors import Cancelled, RunjdError
from runjd.interfaces import ILog
from runjd.logs import reader
from runjd.logs.contract import LogFile, LogWriter
from runjd.logs.formats.contract import Pieces
from runjd.logs.formats.stamp import stamp
from runjd.logs.formats.table import FORMATS
from runjd.logs.lines import LineEncoder
from runjd.policy.facts import LogPage
from runjd.policy.settings import LogRule

#: seconds that an unfinished line is kept
PARTIAL_AGE = 0.05


class LogRoom:
    """
    What the logs of all jails share.

    :param directory: where they lie, absolute.
    :param now: wall time in seconds.
    :param in_thread: calls a function beside the reactor, as ``twisted.internet.threads.deferToThread``.
    """

    def __init__(
        self,
        directory: str,
        writer: LogWriter,
        clock: IReactorTime,
        now: Callable[[], float],
        in_thread: Callable[..., Deferred[Any]],
    ) -> None:
        self.directory = directory
        self.writer = writer
        self.clock = clock
        self.now = now
        self.in_thread = in_thread

    def path(self, id: str) -> str:
        """Return the log of a jail whose id was checked."""
        return os.path.join(self.directory, f"{id}.log")


@implementer(ILog)
class JailLog:
    """
    One jail's log.

    :param room: what all logs share.
    :param id: the jail, whose id was checked.
    :param rule: how it is kept.
    """

    __slots__ = ("_encoders", "_end", "_file", "_flush_call", "_gone", "_id", "_room", "_rule", "_since", "_waiting")

    def __init__(self, room: LogRoom, id: str, rule: LogRule) -> None:
        self._room = room
        self._id = id
        self._rule = rule
        self._file: LogFile | None = None
        self._end = -1  # not known until something was written or looked for
        self._encoders: dict[str, LineEncoder] = {}
        self._since: dict[str, float] = {}
        self._flush_call: IDelayedCall | None = None
        self._gone: RunjdError | None = None
        self._waiting: list[tuple[int, Deferred[None]]] = []

    # --- the program's side -----------------------------------------------------

    def write(self, stream: str, data: bytes, done: Callable[[], None]) -> None:
        """
        Log what the program wrote.

        :param stream: out or err.
        :param done: called once it is written, or kept as an unfinished line.
        """
        encoder = self._encoders.get(stream)
        if encoder is None:
            encoder = self._encoders[stream] = LineEncoder(FORMATS[self._rule.format], stream, self._rule.line_limit)
        records = encoder.feed(stamp(self._room.now()), data)
        if encoder.pending:
            if records or stream not in self._since:
                self._since[stream] = self._room.clock.seconds()
            if self._flush_call is None:
                self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)
        else:
            self._since.pop(stream, None)
        self._append(records, done)

    def flush(self, done: Callable[[], None]) -> None:
        """Write what is unfinished; ``done`` is called once all that was given is in the file."""
        for encoder in self._encoders.values():
            self._append(encoder.flush(stamp(self._room.now())), _nothing)
        self._since.clear()
        if self._flush_call is not None:
            self._flush_call.cancel()
            self._flush_call = None
        if self._file is None:
            done()
        else:
            self._file.write(b"", self._written(done))

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
        if self._since:
            self.flush(_nothing)
        self._encoders.clear()
        if self._file is not None:
            self._file.close()  # and kept: what the next program writes comes behind what the disk still refuses

    def gone(self, error: RunjdError) -> None:
        """The jail is forgotten, so nobody waits for more of its log."""
        self._gone = error
        waiting, self._waiting = self._waiting, []
        for _, each in waiting:
            each.errback(error)

    # --- ILog ----------------------------------------------------------------------

    def tail(self, lines: int) -> Deferred[int]:
        return self._room.in_thread(reader.tail, self._path(), lines)

    def read(self, position: int, limit: int) -> Deferred[LogPage]:
        return self._room.in_thread(reader.read, self._path(), position, limit)

    def when_grown(self, position: int) -> Deferred[None]:
        if self._gone is not None:
            return fail(self._gone)

        def cancel(waiting: Deferred[None]) -> None:
            self._waiting[:] = [each for each in self._waiting if each[1] is not waiting]
            waiting.errback(Cancelled("no longer waited for"))

        waiting: Deferred[None] = Deferred(cancel)
        self._waiting.append((position, waiting))
        if self._end != position:
            # What was written last is not what is there: others may have cut or removed the log, and a full disk
            # may have taken a part of what waits. Shorter counts as grown: the log began anew.
            self.tail(0).addCallbacks(self._found_end, _nothing, callbackArgs=(waiting,))
        return waiting

    # --- inside -----------------------------------------------------------------------

    def _path(self) -> str:
        return self._room.path(self._id)

    def _append(self, records: Pieces, done: Callable[[], None]) -> None:
        if not records:
            done()
            return
        if self._file is None:
            self._file = self._room.writer.open(self._path())
        self._file.write(b"".join(records), self._written(done))

    def _written(self, done: Callable[[], None]) -> Callable[[int], None]:
        def written(end: int) -> None:
            try:
                self._grow(end)
            finally:
                done()

        return written

    def _found_end(self, end: int, waiting: Deferred[None]) -> None:
        """Tell one who waits, if the log did not end where he believes."""
        for position, each in self._waiting:
            if each is waiting and position != end:
                self._waiting.remove((position, each))
                waiting.callback(None)
                return

    def _grow(self, end: int) -> None:
        self._end = end
        if self._waiting:
            grown = [waiting for position, waiting in self._waiting if position != end]
            self._waiting = [each for each in self._waiting if each[0] == end]
            for waiting in grown:
                waiting.callback(None)

    def _flush_old(self) -> None:
        self._flush_call = None
        oldest = self._room.clock.seconds() - PARTIAL_AGE + 0.001
        for stream, since in list(self._since.items()):
            if since <= oldest:
                del self._since[stream]
                self._append(self._encoders[stream].flush(stamp(self._room.now())), _nothing)
        if self._since:
            self._flush_call = self._room.clock.callLater(PARTIAL_AGE, self._flush_old)


def _nothing(*_: object) -> None:
    pass
