"""
One file of a log as bytes at offsets, plain or compressed.

A compressed one is unpacked as it is read: going on costs what is read, going
back means beginning anew.  Nothing larger than what is asked for is held.
"""

from __future__ import annotations

import os
import stat
import zlib
from abc import ABC, abstractmethod

from runjd.errors import InputOutput
from runjd.logs.compression import contents

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from runjd.logs.names import Rotated

#: bytes that are read at once
BLOCK = 65_536
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class Source(ABC):
    """
    One file.

    :ivar identity: device and number of the file, which a rotated one keeps until it is compressed.
    :ivar is_seekable: whether any place is read at the same cost.
    """

    __slots__ = ()
    identity: tuple[int, int]
    is_seekable: bool

    @abstractmethod
    def read_at(self, offset: int, size: int) -> bytes:
        """Return so many bytes from there on, fewer only at the end. :raise InputOutput: it cannot be read."""

    @abstractmethod
    def size(self) -> int:
        """Return how many bytes there are now."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""


class PlainSource(Source):
    """A file as it was written, or is written now. The descriptor is its own."""

    __slots__ = ("_fd", "_path", "identity")
    is_seekable = True

    def __init__(self, fd: int, path: str) -> None:
        self._fd = fd
        self._path = path
        found = os.fstat(fd)
        self.identity = (found.st_dev, found.st_ino)

    def read_at(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise InputOutput(f"{self._path}: {error.strerror}") from error

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class PackedSource(Source):
    """
    A file that was compressed, and is not written any more. The descriptor is its own.

    It may be removed while it is read, so going back does not open it again.
    """

    __slots__ = ("_compression", "_fd", "_path", "_position", "_size", "_stream", "identity")
    is_seekable = False

    def __init__(self, fd: int, path: str, compression: str) -> None:
        self._fd = fd
        self._path = path
        self._compression = compression
        self._stream = self._begin()
        self._position = 0
        self._size = -1
        found = os.fstat(fd)
        self.identity = (found.st_dev, found.st_ino)

    def read_at(self, offset: int, size: int) -> bytes:
        if offset < self._position:
            self._stream.close()
            self._stream = self._begin()
            self._position = 0
        while self._position < offset:
            if not self._next(min(BLOCK, offset - self._position)):
                return b""
        return self._next(size)

    def size(self) -> int:
        if self._size < 0:
            while self._next(BLOCK):
                pass
            self._size = self._position
        return self._size

    def close(self) -> None:
        self._stream.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _begin(self) -> BinaryIO:
        os.lseek(self._fd, 0, os.SEEK_SET)
        return contents(open(self._fd, "rb", closefd=False), self._compression)

    def _next(self, size: int) -> bytes:
        try:
            data = self._stream.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise InputOutput(f"{self._path}: cannot be unpacked: {error}") from error
        self._position += len(data)
        return data


def open_packed(file: Rotated) -> Source | None:
    """
    Return a file that was compressed, None where there is none.

    :raise InputOutput: it cannot be read.
    :raise Unsupported: this machine cannot unpack it.
    """
    try:
        fd = os.open(file.path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputOutput(f"{file.path}: {error.strerror}") from error
    try:
        return PackedSource(fd, file.path, file.compression)
    except BaseException:
        os.close(fd)
        raise


def open_plain(path: str) -> Source | None:
    """
    Return a file of a log, None where there is none.

    :raise InputOutput: it cannot be read, or is something else than a file.
    """
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InputOutput(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise InputOutput(f"{path}: is not a regular file")
    return PlainSource(fd, path)
