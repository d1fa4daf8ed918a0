"""
Writing without waiting, into descriptors whose flags are not ours to change.

O_NONBLOCK lives on the open file description, which we share with the shell and
with whoever comes behind us in a pipe.  poll(2) promises room for ``PIPE_BUF``
bytes, so pieces of that size never block; a terminal we open once more for us.
"""

from __future__ import annotations

import os
import select
import stat
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.terminal import Terminal

_CHUNK = 65536


class Sink:
    """Bytes on their way into a descriptor that may be shared with others."""

    def __init__(self, fd: int, terminal: Terminal | None = None) -> None:
        own = terminal.open_own() if terminal else None
        self.fd = fd if own is None else own
        self._own = own
        self._waiting: deque[bytes] = deque()
        self._offset = 0
        self.size = 0
        is_safe = own is not None or stat.S_ISREG(os.fstat(fd).st_mode)
        self._piece = _CHUNK if is_safe else select.PIPE_BUF

    def close(self) -> None:
        """Close what we opened ourselves."""
        if self._own is not None:
            os.close(self._own)

    def add(self, data: bytes) -> None:
        """Queue bytes."""
        if data:
            self._waiting.append(data)
            self.size += len(data)

    def write_some(self) -> None:
        """Write what poll(2) promised to take. :raise OSError: the reader is gone."""
        first = self._waiting[0]
        whole = not self._offset and len(first) <= self._piece
        piece = first if whole else first[self._offset : self._offset + self._piece]
        try:
            written = os.write(self.fd, piece)
        except BlockingIOError:
            return
        self.size -= written
        self._offset += written
        if self._offset == len(first):
            self._waiting.popleft()
            self._offset = 0

    def forget(self) -> None:
        """Drop what is queued: its reader is gone."""
        self._waiting.clear()
        self.size = self._offset = 0
