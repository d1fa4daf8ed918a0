"""
The bundle: a directory with ``config.json`` (OCI runtime specification, "Filesystem Bundle").
"""

from __future__ import annotations

import os
import stat

from runjd.container.failure import words
from runjd.errors import SpecError
from runjd.values import Value

CONFIG = "config.json"

#: bytes; the largest seen in the wild are some hundred KiB
_LIMIT = 16 << 20


class Bundle(Value):
    """A bundle that was read: its absolute path, and what its ``config.json`` holds."""

    path: str
    document: bytes

    @property
    def file(self) -> str:
        """Path of the document, for messages."""
        return os.path.join(self.path, CONFIG)


def read_bundle(path: str) -> Bundle:
    """
    Read the bundle's document, once: whatever happens to the file later has no effect.

    :param path: absolute, or relative to the working directory.
    :raise SpecError: it is no bundle; the message says what is missing where.
    """
    if not path or "\0" in path:
        raise SpecError("", "the bundle needs a path: the directory that holds config.json")
    path = os.path.abspath(path)
    try:
        directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise SpecError(
            "", "there is no such bundle (no such file or directory); give the directory that holds config.json", path
        ) from None
    except NotADirectoryError:
        raise SpecError("", "is not a directory; give the directory that holds config.json", path) from None
    except OSError as error:
        raise SpecError("", f"cannot open the bundle: {words(error.errno or 0)}", path) from error
    try:
        return Bundle(path, _read_document(directory, os.path.join(path, CONFIG)))
    finally:
        os.close(directory)


def _read_document(directory: int, shown: str) -> bytes:
    try:
        # non-blocking, as it may be a FIFO
        fd = os.open(CONFIG, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=directory)
    except FileNotFoundError:
        raise SpecError("", 'there is no config.json in the bundle; "runj spec" writes one', shown) from None
    except OSError as error:
        raise SpecError("", f"cannot be opened: {words(error.errno or 0)}", shown) from error
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode):
            raise SpecError("", "is not a regular file", shown)
        if found.st_size > _LIMIT:
            raise SpecError("", f"is larger than {_LIMIT >> 20} MiB", shown)
        return read_all(fd, _LIMIT)
    except OSError as error:
        raise SpecError("", f"cannot be read: {words(error.errno or 0)}", shown) from error
    finally:
        os.close(fd)


def read_all(fd: int, limit: int) -> bytes:
    """Read to the end of the file, ``limit`` bytes at most."""
    parts = []
    while limit > 0:
        part = os.read(fd, min(limit, 1 << 16))
        if not part:
            break
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)
