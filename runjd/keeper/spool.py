"""
What one stream gave while no daemon was there: a file without a name.

The daemon gets our descriptor, so both share one description of the file.  Its
offset is where the next daemon reads on, however the last one ended: what was read
is gone, as it is from a pipe.  We write at places, which leaves the offset alone.

Room on the disk is taken before anything is read: what could not be kept stays in
the pipe.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: bytes of room that are taken at once, and of one read at most
_CHUNK = 65536
#: less room than this is not read into, where more can be had
_LEAST = 4096
#: bytes of the disk, or their share where it is small, that are left to others: the records of exits lie there, too
_LEFT = 64 << 20
_LEFT_SHARE = 4
#: a file system that cannot promise room, as ZFS
_NO_PROMISE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENODEV, errno.ENOSYS)


def reserve(fd: int, at: int, size: int) -> None:
    """
    Take room for bytes of a file.

    :raise OSError: there is none, or others need it more.
    """
    disk = os.fstatvfs(fd)
    left = disk.f_bavail * disk.f_frsize - size
    if left < min(_LEFT, disk.f_blocks * disk.f_frsize // _LEFT_SHARE):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    try:
        os.posix_fallocate(fd, at, size)
    except OSError as error:
        if error.errno not in _NO_PROMISE:
            raise
        _write(fd, bytes(size), at)


class Spool:
    """
    One stream's.

    :param fd: of the file; ours.
    :param reserve: see :func:`reserve`.
    :param end: how many bytes were put already, by an earlier version of us.
    """

    __slots__ = ("_reserve", "_room_end", "end", "fd")

    def __init__(self, fd: int, reserve: Callable[[int, int, int], None] = reserve, end: int = 0) -> None:
        self.fd = fd
        self._reserve = reserve
        self.end = self._room_end = end

    @property
    def is_read(self) -> bool:
        """Whether a daemon has read all of it."""
        return os.lseek(self.fd, 0, os.SEEK_CUR) >= self.end

    def make_room(self, bound: int) -> int:
        """
        Return how many bytes can be taken in, 0 where it holds ``bound`` bytes.

        :raise OSError: the disk has no room.
        """
        if self._room_end - self.end < _LEAST and self._room_end < bound:
            size = min(_CHUNK, bound - self._room_end)
            self._reserve(self.fd, self._room_end, size)
            self._room_end += size
        return self._room_end - self.end

    def put(self, data: bytes) -> None:
        """
        Take in what was read, no more than there is room for.

        :raise OSError: the disk broke its promise.
        """
        _write(self.fd, data, self.end)
        self.end += len(data)

    def finish(self) -> None:
        """Give back the room that was not needed: the file ends where the stream stopped."""
        os.ftruncate(self.fd, self.end)
        self._room_end = self.end

    def close(self) -> None:
        """Forget it."""
        os.close(self.fd)


def _write(fd: int, data: bytes, at: int) -> None:
    while data:
        written = os.pwrite(fd, data, at)
        data, at = data[written:], at + written
