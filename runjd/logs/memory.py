"""A writer of logs that keeps them in memory, under the contract suite of the real one."""

from __future__ import annotations

from runjd.logs.contract import LogFile, LogWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class MemoryWriter(LogWriter):
    """
    Logs as byte arrays.

    :ivar files: path to contents.
    :ivar is_held: nothing is written until :meth:`release`, as on a disk that hangs.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}
        self.is_held = False
        self._waiting: list[tuple[str, bytes, Callable[[int], None]]] = []

    def open(self, path: str) -> LogFile:
        return _MemoryFile(self, path)

    def stop(self) -> None:
        self.release()

    def release(self) -> None:
        """Write all that waits, and everything from now on."""
        self.is_held = False
        waiting, self._waiting = self._waiting, []
        for path, data, done in waiting:
            self.put(path, data, done)

    def put(self, path: str, data: bytes, done: Callable[[int], None]) -> None:
        """Append to a log, or let it wait."""
        if self.is_held:
            self._waiting.append((path, data, done))
            return
        contents = self.files.setdefault(path, bytearray()) if data else self.files.get(path, bytearray())
        contents += data
        done(len(contents))


class _MemoryFile(LogFile):
    def __init__(self, writer: MemoryWriter, path: str) -> None:
        self._writer = writer
        self.path = path

    def write(self, data: bytes, done: Callable[[int], None]) -> None:
        self._writer.put(self.path, data, done)

    def close(self) -> None:
        pass
