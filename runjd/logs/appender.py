"""
The file of one log that is written now: its identity, its length, and when it is rotated.

Somebody else may rename, remove or cut it at any time.  What was begun in a file is ended there, so that no
record and, for a while, no line lies in two of them.
"""

from __future__ import annotations

import os
from time import monotonic

from runjd.logs.formats.table import FORMATS
from runjd.logs.opening import open_log
from runjd.logs.rotation import rotate, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from runjd.logs.formats.contract import Pieces
    from runjd.logs.names import Rotated
    from runjd.policy.settings import LogRule

    class Compressing(Protocol):
        """Who compresses what was rotated."""

        def give(self, path: str, file: Rotated, kind: str) -> None:
            """Compress a rotated file of a log, some time."""


#: seconds that a file which was renamed is kept for the end of the line that it ends with
LINE_PATIENCE = 1.0
#: pieces that one ``writev`` takes (IOV_MAX is 1024 on Linux and FreeBSD)
_MOST = 512
#: bytes that a record has for each byte of its text, at most (json), and beside it
_FACTOR = 6
_BESIDE = 256
#: of a file that nothing waits for, and one in memory; never changed
_NOTHING: Pieces = []


class Appender:
    """
    Appends to a log.

    :param compressor: is given each file that was rotated and is to be compressed.
    :param now: wall time in seconds.
    :ivar end: the length of the file.
    """

    __slots__ = (
        "_batch",
        "_began",
        "_compressor",
        "_fd",
        "_identity",
        "_is_line_end",
        "_is_settled",
        "_left",
        "_moved_at",
        "_now",
        "_path",
        "_rule",
        "end",
    )

    def __init__(self, path: str, rule: LogRule, compressor: Compressing, now: Callable[[], float]) -> None:
        self._path = path
        self._rule = rule
        self._compressor = compressor
        self._now = now
        self._fd = -1
        self._identity = (0, 0)
        self._began = 0.0
        self._moved_at = 0.0
        self._is_line_end = True
        self._is_settled = rule.compress == "none"
        self._batch = self._left = _NOTHING
        self.end = 0

    @property
    def is_open(self) -> bool:
        """Whether it has a descriptor."""
        return self._fd >= 0

    def append(self, records: Pieces, is_line_end: bool) -> None:
        """
        Write all of it.

        :raise OSError: not all of it is written; :meth:`go_on` writes the rest.
        """
        self._batch = records
        self._left = records
        self._write()
        self._is_line_end = is_line_end

    def extend(self, records: Pieces, is_line_end: bool) -> None:
        """
        Write all of it right behind what was appended a moment ago, so that the file need not be looked for again.

        :raise OSError: not all of it is written; :meth:`go_on` writes the rest.
        """
        size = sum(map(len, records))
        if self._fd < 0 or len(records) > _MOST or self._is_due(size):
            self.append(records, is_line_end)
            return
        self._batch = self._left = records  # before the disk can refuse them: whoever read them has no others
        written = os.writev(self._fd, records)
        self.end += written
        if written < size:
            self._left = _behind(records, written)
            self._write()
        else:
            self._batch = self._left = _NOTHING
        self._is_line_end = is_line_end

    def go_on(self, is_line_end: bool) -> None:
        """Write what is left. :raise OSError: not all of it is written yet."""
        self._write()
        self._is_line_end = is_line_end

    def keep(self, rule: LogRule) -> None:
        """Keep the log by another rule; records of another form go into another file."""
        before, self._rule = self._rule, rule
        self._is_settled = rule.compress == "none"
        if rule.format != before.format:
            self.let_go()

    def rotate(self) -> None:
        """Rotate, if there is anything. :raise OSError: it cannot be."""
        if self._length() > 0:
            self._rotate()

    def reopen(self) -> None:
        """Let go of what was renamed, and make the file. :raise OSError: it cannot be."""
        self.let_go()
        self._open()

    def let_go(self) -> None:
        """Close the file; whoever writes to it again opens it again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def look(self) -> int:
        """Return the length of the log, open or not."""
        return self.end if self._fd >= 0 else self._length()

    # --- inside ---------------------------------------------------------------

    def _write(self) -> None:
        while self._left:
            self._make_ready()
            written = os.writev(self._fd, self._left[:_MOST])
            self.end += written
            self._left = _behind(self._left, written)
        self._batch = self._left = _NOTHING

    def _make_ready(self) -> None:
        """Have the right file open, for the batch or for the rest of it."""
        is_begun = self._left is not self._batch
        if self._fd >= 0 and not self._is_the_one():
            found = os.fstat(self._fd)
            if found.st_nlink:
                if is_begun or self._waits_for_line():
                    self.end = found.st_size
                    return
            elif is_begun:
                self._left = self._batch  # its beginning is gone with the file
                is_begun = False
            self.let_go()
        if self._fd < 0:
            self._open()
        if not is_begun and self._is_due(sum(map(len, self._batch))):
            self._rotate()
            self._open()

    def _is_the_one(self) -> bool:
        """Return whether the open file is still the one of that name; learn its length."""
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            return False
        if (found.st_dev, found.st_ino) != self._identity:
            return False
        self.end = found.st_size
        return True

    def _waits_for_line(self) -> bool:
        """Return whether the line that the renamed file ends with may still end there."""
        if self._is_line_end:
            return False
        if not self._moved_at:
            self._moved_at = monotonic()
        return monotonic() - self._moved_at < LINE_PATIENCE

    def _is_due(self, size: int) -> bool:
        """Return whether the file is to be rotated before so many bytes are written."""
        rule = self._rule
        if not self.end:
            return False
        if rule.max_size:
            size += self.end
            if size > rule.max_size and (self._is_line_end or size > 2 * rule.max_size):
                return True
        return bool(rule.max_age) and self._is_line_end and self._now() - self._began >= rule.max_age

    def _rotate(self) -> None:
        surplus = rotate(self._path, self._rule)
        self.let_go()
        for each in surplus:
            self._compressor.give(self._path, each, self._rule.compress)

    def _open(self) -> None:
        self._open_as_it_is()
        if not self.end:
            self._is_line_end = True
            self._began = self._now()
            return
        form = FORMATS[self._rule.format]
        longest = _FACTOR * self._rule.line_limit + _BESIDE
        at = form.decode(os.pread(self._fd, longest, 0).partition(b"\n")[0]).at
        if form.is_framed and at == "-":  # the log had another form, before the daemon was started anew
            self._rotate()
            self._open()
            return
        self._began = min(self._now(), _seconds(at) or os.fstat(self._fd).st_mtime)
        if form.is_framed and os.pread(self._fd, 1, self.end - 1) != b"\n":
            self.end += os.write(self._fd, b"\n")  # the last life of the daemon ended within a record

    def _open_as_it_is(self) -> None:
        self._fd = open_log(self._path)
        found = os.fstat(self._fd)
        self._identity = (found.st_dev, found.st_ino)
        self._moved_at = 0.0
        self.end = found.st_size
        if not self._is_settled:
            self._is_settled = True
            for each in settle(self._path, self._rule):
                self._compressor.give(self._path, each, self._rule.compress)

    def _length(self) -> int:
        try:
            return os.lstat(self._path).st_size
        except OSError:
            return 0


def _behind(pieces: Pieces, written: int) -> Pieces:
    """Return what stands behind so many bytes."""
    for index, piece in enumerate(pieces):
        if written < len(piece):
            return [memoryview(piece)[written:], *pieces[index + 1 :]]
        written -= len(piece)
    return []


def _seconds(at: str) -> float:
    """Return the wall time of a record, 0.0 where it has none."""
    from calendar import timegm

    try:
        words = (at[0:4], at[5:7], at[8:10], at[11:13], at[14:16], at[17:19])
        return float(timegm(tuple(map(int, words))))
    except (ValueError, OverflowError):
        return 0.0
