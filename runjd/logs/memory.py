"""A writer of logs that keeps them in memory, under the contract suite of the real one."""

from __future__ import annotations

from functools import partial

from runjd.logs.contract import LogFile, LogWriter, Source
from runjd.logs.names import name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.logs.formats.contract import Pieces
    from runjd.policy.settings import LogRule


class MemoryWriter(LogWriter):
    """
    Logs as byte arrays.

    :ivar files: path to contents.
    :ivar is_held: nothing is written until :meth:`release`, as on a disk that hangs.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.is_held = False
        self._waiting: list[Callable[[], None]] = []

    def open(self, path: str, rule: LogRule) -> LogFile:
        return _MemoryFile(self, path)

    def stop(self) -> None:
        self.release()

    def release(self) -> None:
        """Write all that waits, and everything from now on."""
        self.is_held = False
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each()

    def do(self, deed: Callable[[], None]) -> None:
        """Do it, or let it wait."""
        if self.is_held:
            self._waiting.append(deed)
        else:
            deed()


class _MemoryFile(LogFile):
    def __init__(self, writer: MemoryWriter, path: str) -> None:
        self._writer = writer
        self._rotations = 0
        self.path = path

    def write(
        self,
        records: Pieces,
        done: Callable[[int], None],
        *,
        is_line_end: bool = True,
        source: Source | None = None,
    ) -> None:
        self._writer.do(partial(self._write, records, done, source))

    def keep(self, rule: LogRule) -> None:
        pass

    def rotate(self, done: Callable[[OSError | None], None]) -> None:
        self._writer.do(partial(self._rotate, done))

    def reopen(self, done: Callable[[OSError | None], None]) -> None:
        self._writer.do(partial(self._reopen, done))

    def close(self) -> None:
        pass

    def _write(self, records: Pieces, done: Callable[[int], None], source: Source | None) -> None:
        files = self._writer.files
        while True:
            data = b"".join(records)
            contents = files.setdefault(self.path, bytearray()) if data else files.get(self.path, bytearray())
            contents += data
            taken = source.take() if source is not None else None
            if taken is None:
                break
            records = taken[0]
        done(len(contents))

    def _rotate(self, done: Callable[[OSError | None], None]) -> None:
        if self._writer.files.get(self.path):
            self._rotations += 1
            self._writer.files[name(self.path, self._rotations)] = self._writer.files.pop(self.path)
        done(None)

    def _reopen(self, done: Callable[[OSError | None], None]) -> None:
        self._writer.files.setdefault(self.path, bytearray())
        done(None)
