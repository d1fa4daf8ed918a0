"""
One thread writes all logs, so that no disk ever stops the reactor.

What cannot be written (a full disk, an input/output error) is tried again until
it can; only the programs that log there wait meanwhile.  A file that was
deleted or renamed is made anew.

A program that writes much is not sent through the reactor for each chunk: with a
chunk its source may come along, and the thread goes on taking from it as long as
nobody else waits.
"""

from __future__ import annotations

import threading
from functools import partial
from queue import Empty, SimpleQueue
from time import monotonic, time

from runjd.errors import LimitReached
from runjd.logs.appender import Appender
from runjd.logs.compressor import Compressor, daemon_thread
from runjd.logs.contract import LogFile, LogWriter, Source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.logs.formats.contract import Pieces
    from runjd.policy.settings import LogRule

#: seconds until a refused write is tried again
RETRY_DELAY = 0.5
#: seconds that the end of the daemon waits for a disk that hangs
_LAST_WRITES = 5.0
#: files worked on before anyone is told of them
_BATCH = 32
#: chunks taken from one source before the reactor has it again
_BURST = 64
#: chunks after which it is looked whether the file is still the one of its name
_LOOK = 8


class ThreadWriter(LogWriter):
    """
    The writer of all logs of a daemon.

    :param tell: calls a callable in the thread of the others, as ``reactor.callFromThread``.
    :param trouble: told (by ``tell``) once when a log cannot be written, with the error, and once with None
        when it can be written again; and of each file that could not be compressed.
    :param retry_delay: seconds until a refused write is tried again.
    :param make_thread: see :func:`runjd.logs.compressor.daemon_thread`.
    """

    def __init__(
        self,
        tell: Callable[[Callable[[], None]], object],
        trouble: Callable[[str, OSError | None], None],
        retry_delay: float = RETRY_DELAY,
        now: Callable[[], float] = time,
        make_thread: Callable[[Callable[[], None], str], threading.Thread] = daemon_thread,
    ) -> None:
        self._make_thread = make_thread
        self._tell = tell
        self._trouble = trouble
        self._retry_delay = retry_delay
        self._now = now
        self._given: SimpleQueue[_File | None] = SimpleQueue()
        self._refused: dict[_File, float] = {}
        self._opened: set[_File] = set()
        self._ahead: list[_File] = []
        self._thread: threading.Thread | None = None
        self._compressor = Compressor(lambda path, error: tell(partial(trouble, path, error)), make_thread)

    def open(self, path: str, rule: LogRule) -> LogFile:
        return _File(self, path, Appender(path, rule, self._compressor, self._now))

    def start(self) -> None:
        thread = self._make_thread(self._work, "runjd-logs")
        try:
            thread.start()
        except RuntimeError as error:
            raise LimitReached(f"{error} to write logs: see what limits the threads of runjd") from error
        self._thread = thread

    def stop(self) -> None:
        self._compressor.stop()
        thread, self._thread = self._thread, None
        if thread is not None:
            self._given.put(None)
            thread.join(_LAST_WRITES)

    def give(self, file: _File) -> None:
        """Let the thread look at a file that has something to do."""
        self._given.put(file)
        if self._thread is None:
            self.start()

    @property
    def waiting(self) -> int:
        """How many times a file was given that has not been worked on since."""
        return self._given.qsize() + len(self._ahead)

    def is_idle(self) -> bool:
        """Whether no other file waits for the thread."""
        return not self._ahead and self._given.empty()

    def _work(self) -> None:
        is_last = False
        while not is_last:
            given, is_last = self._next()
            files = list(dict.fromkeys(given))
            # Those that flood come last, one by one, and nobody waits for them to hear of what is written.
            self._ahead = [file for file in files if file.is_flooding]
            self._work_on([file for file in files if file not in self._ahead])
            while self._ahead:
                self._work_on([self._ahead.pop(0)])
        while self._opened:
            self._opened.pop().let_go()

    def _work_on(self, files: list[_File]) -> None:
        """Let files do what they have to do, and tell of it."""
        told: list[Callable[[], None]] = []
        for file in files:
            if file.work(told, self._trouble):
                self._refused.pop(file, None)
            else:
                self._refused[file] = monotonic() + self._retry_delay
            (self._opened.add if file.is_open else self._opened.discard)(file)
        if told:
            self._tell(partial(_call_all, told))

    def _next(self) -> tuple[list[_File], bool]:
        """Wait for files to work on; return them, and whether the writer shall end."""
        files: list[_File] = []
        is_last = False
        try:
            given = self._given.get(timeout=self._patience())
            while given is not None:
                # A refused log is tried again in its time, however often somebody writes to it.
                if given not in self._refused:
                    files.append(given)
                if len(files) >= _BATCH:
                    break
                given = self._given.get_nowait()
            else:
                is_last = True
        except Empty:
            pass
        now = monotonic()
        files += [file for file, at in self._refused.items() if at <= now or is_last]
        return files, is_last

    def _patience(self) -> float | None:
        return max(0.0, min(self._refused.values()) - monotonic()) if self._refused else None


class _Write:
    """Records that wait, and whoever waits for them."""

    __slots__ = ("done", "is_begun", "is_line_end", "records", "source")

    def __init__(self, records: Pieces, done: Callable[[int], None], is_line_end: bool, source: Source | None) -> None:
        self.records = records
        self.done = done
        self.is_line_end = is_line_end
        self.source = source
        self.is_begun = False


class _Deed:
    """A rotation or a reopening that waits."""

    __slots__ = ("do", "done")

    def __init__(self, do: Callable[[], None], done: Callable[[OSError | None], None]) -> None:
        self.do = do
        self.done = done


class _File(LogFile):
    """
    One log; ``work`` and ``let_go`` belong to the writer's thread, all else to the others'.

    The queue between them is a list, which is short, whose ends are safe to use from two threads, and which takes
    a tenth of what an empty deque takes.
    """

    __slots__ = ("_appender", "_is_closed", "_is_refused", "_queue", "_writer", "path")

    def __init__(self, writer: ThreadWriter, path: str, appender: Appender) -> None:
        self._writer = writer
        self.path = path
        self._appender = appender
        self._queue: list[_Write | _Deed] = []
        self._is_closed = False
        self._is_refused = False

    def write(
        self,
        records: Pieces,
        done: Callable[[int], None],
        *,
        is_line_end: bool = True,
        source: Source | None = None,
    ) -> None:
        self._is_closed = False
        self._queue.append(_Write(records, done, is_line_end, source))
        self._writer.give(self)

    def keep(self, rule: LogRule) -> None:
        self._queue.append(_Deed(partial(self._appender.keep, rule), _nothing))
        self._writer.give(self)

    def rotate(self, done: Callable[[OSError | None], None]) -> None:
        self._queue.append(_Deed(self._appender.rotate, done))
        self._writer.give(self)

    def reopen(self, done: Callable[[OSError | None], None]) -> None:
        self._queue.append(_Deed(self._appender.reopen, done))
        self._writer.give(self)

    def close(self) -> None:
        self._is_closed = True
        self._writer.give(self)

    def work(self, told: list[Callable[[], None]], trouble: Callable[[str, OSError | None], None]) -> bool:
        """Do all that is queued; False where the disk refused."""
        try:
            while self._queue:
                first = self._queue[0]
                if isinstance(first, _Write):
                    self._write(first)
                    told.append(partial(first.done, self._appender.look()))
                else:
                    told.append(partial(first.done, _error_of(first.do)))
                self._queue.pop(0)
        except OSError as error:
            if not self._is_refused:
                self._is_refused = True
                told.append(partial(trouble, self.path, error))
            return False
        if self._is_refused:
            self._is_refused = False
            told.append(partial(trouble, self.path, None))
        if self._is_closed:
            self.let_go()
        return True

    @property
    def is_flooding(self) -> bool:
        """Whether its first records come with a source."""
        first = self._queue[0] if self._queue else None
        return isinstance(first, _Write) and first.source is not None

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self._appender.is_open

    def let_go(self) -> None:
        """Close the file; whoever writes to it again opens it again."""
        self._appender.let_go()

    def _write(self, write: _Write) -> None:
        """Write the records, and those of their source; what is refused meanwhile is the write's from then on."""
        append = self._appender.append
        if write.is_begun:
            self._appender.go_on(write.is_line_end)
        else:
            write.is_begun = True
            append(write.records, write.is_line_end)
        source = write.source
        if source is None:
            return
        extend, is_idle, take = self._appender.extend, self._writer.is_idle, source.take
        for number in range(1, _BURST):
            if not is_idle() or (taken := take()) is None:
                break
            records, write.is_line_end = taken
            (extend if number % _LOOK else append)(records, write.is_line_end)


def _error_of(do: Callable[[], None]) -> OSError | None:
    """Do it; return the error with which it failed."""
    try:
        do()
    except OSError as error:
        return error
    return None


def _nothing(_: OSError | None) -> None:
    pass


def _call_all(calls: list[Callable[[], None]]) -> None:
    """Call all of them, whatever one of them raises; then raise the first of that."""
    first: Exception | None = None
    for call in calls:
        try:
            call()
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
