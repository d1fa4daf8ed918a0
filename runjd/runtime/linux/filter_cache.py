"""
The programs of the last few profiles of system calls.

Engines send the same profile with every container, and libseccomp takes 20 ms for
podman's.  A file holds what its program was made of in full, which is compared, so
that no two profiles are ever taken for each other; there are a few files of a
bounded size, and each profile has its place in one, so that they never are more.  They lie where only we
can write.  Whatever goes wrong, there is no cache: the program is made anew.
"""

from __future__ import annotations

import fcntl
import os
from binascii import crc32

_SLOTS = 8
_LIMIT = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class FilterCache:
    """
    Programs by what they were made of.

    :param directory: absolute path, in a directory of ours; made, 0700, where it is missing.
    """

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def find(self, source: bytes) -> bytes | None:
        """Return the program that was made of the source, None where it is not here."""
        try:
            directory = self._open()
            try:
                found = _read(f"{_slot(source)}", directory)
            finally:
                os.close(directory)
        except OSError:
            return None
        program = found[len(_head(source, b"")) :]
        return program if program and found == _head(source, program) + program else None

    def keep(self, source: bytes, program: bytes) -> None:
        """Keep a program in place of the one that had its place; not one that is larger than what is read again."""
        document = _head(source, program) + program
        if len(document) > _LIMIT:
            return
        try:
            os.mkdir(self._directory, 0o700)
        except OSError:
            # it is there, or there will be no cache
            pass
        try:
            directory = self._open()
            try:
                _replace(f"{_slot(source)}", document, directory)
            finally:
                os.close(directory)
        except OSError:
            pass

    def _open(self) -> int:
        directory = os.open(self._directory, _DIRECTORY)
        found = os.fstat(directory)
        if found.st_uid != os.geteuid() or found.st_mode & 0o022:
            os.close(directory)
            raise PermissionError(f"{self._directory} can be written by others")
        return directory


def _slot(source: bytes) -> int:
    return crc32(source) % _SLOTS


def _head(source: bytes, program: bytes) -> bytes:
    """Return what stands before a program: its sum, and what it was made of."""
    return b"%08x %08x\n" % (crc32(program), len(source)) + source


def _read(name: str, directory: int) -> bytes:
    descriptor = os.open(name, _READ, dir_fd=directory)
    try:
        return os.read(descriptor, _LIMIT)
    finally:
        os.close(descriptor)


def _replace(name: str, data: bytes, directory: int) -> None:
    """Replace a file as a whole; of several who want to, one does. What a killed one leaves is used by the next."""
    new = f"{name}.new"
    descriptor = os.open(new, _WRITE, 0o600, dir_fd=directory)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Another one may have renamed it while we opened it.
        if os.path.samestat(os.fstat(descriptor), os.stat(new, dir_fd=directory, follow_symlinks=False)):
            os.ftruncate(descriptor, 0)
            if os.write(descriptor, data) == len(data):
                os.rename(new, name, src_dir_fd=directory, dst_dir_fd=directory)
    finally:
        os.close(descriptor)
