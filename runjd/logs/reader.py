"""
Reading a log from its end, and page by page.

Positions are bytes from the beginning of the file, and always of the beginning
of a record.  A last record without its newline is still being written, and is
not seen.
"""

from __future__ import annotations

import os
import stat

from runjd.errors import InputOutput
from runjd.logs.formats.table import FORMATS
from runjd.policy.facts import LogPage
from runjd.policy.settings import LogRule

#: a page is at least so long that one record fits
_SMALLEST_PAGE = 2 * LogRule().line_limit
_BLOCK = 65_536
_decode = FORMATS[LogRule().format].decode


def tail(path: str, lines: int) -> int:
    """
    Return the position of the last so many records; 0 where there are fewer, or no log.

    :raise InputOutput: the log cannot be read.
    """
    fd = _open(path)
    if fd < 0:
        return 0
    try:
        end = _end(fd)
        if lines <= 0:
            return end
        position, missing = end, lines + 1  # the newline at the very end is not one between records
        while position > 0:
            begin = max(0, position - _BLOCK)
            block = os.pread(fd, position - begin, begin)
            found = block.count(b"\n")
            if found >= missing:
                at = len(block)
                for _ in range(missing):
                    at = block.rindex(b"\n", 0, at)
                return begin + at + 1
            missing -= found
            position = begin
        return 0
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)


def read(path: str, position: int, limit: int) -> LogPage:
    """
    Return whole records from the position on, about ``limit`` bytes of them; none at the end of the log.

    A position behind the end means that the log began anew: reading begins anew, too.

    :raise InputOutput: the log cannot be read.
    """
    fd = _open(path)
    if fd < 0:
        return LogPage((), 0)
    try:
        position = max(0, position)
        if position > os.fstat(fd).st_size:
            position = 0
        block = os.pread(fd, max(limit, _SMALLEST_PAGE), position)
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
    finally:
        os.close(fd)
    cut = block.rfind(b"\n") + 1
    if not cut and len(block) >= _SMALLEST_PAGE:
        cut = len(block)  # no record of ours is that long; give it out in pieces rather than stand still
    records = block[:cut].split(b"\n")
    if records[-1] == b"":
        records.pop()
    return LogPage(tuple(_decode(record) for record in records), position + cut)


def size(path: str) -> int:
    """Return the length of the log in bytes, 0 where there is none."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _open(path: str) -> int:
    """Return a descriptor, or -1 where there is no log."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InputOutput(f"{path}: is not a regular file")
    return fd


def _end(fd: int) -> int:
    """Return the position behind the last whole record."""
    end = os.fstat(fd).st_size
    while end > 0:
        begin = max(0, end - _BLOCK)
        newline = os.pread(fd, end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0
