"""
Compressing a rotated file, and reading it again.

gzip is part of Python; zstd may be missing.
"""

from __future__ import annotations

import errno
import os
from io import BufferedReader

from runjd.config.zstd import zstd
from runjd.errors import Unsupported
from runjd.logs.names import Rotated, name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK = 1 << 18


def compress(path: str, file: Rotated, kind: str, sync: Callable[[int], object] = os.fsync) -> None:
    """
    Put a compressed file in the place of a rotated one.

    It is whole on the disk before it has its name, and the old one is removed once the disk has that name, too:
    whenever the daemon dies or the power fails, one of the two has all lines.

    :param path: of the log.
    :param sync: has what a descriptor stands for on the disk when it returns.
    :raise OSError: it could not be compressed, and is as it was.
    :raise Unsupported: nothing here can.
    """
    target = name(path, file.number, kind)
    part = f"{target}.part"
    try:
        os.unlink(part)  # of a daemon that died
    except FileNotFoundError:
        pass
    with open(os.open(file.path, _READ), "rb") as source:
        found = os.fstat(source.fileno())
        fd = os.open(part, _WRITE, 0o600)
        try:
            with open(fd, "wb") as raw:
                with _writer(raw, kind) as packed:
                    while block := source.read(_BLOCK):
                        packed.write(block)
                raw.flush()
                os.fchmod(fd, found.st_mode & 0o777)  # never by a name that somebody may have exchanged
                os.utime(fd, ns=(found.st_atime_ns, found.st_mtime_ns))
                sync(raw.fileno())
            os.rename(part, target)
        except BaseException:
            os.unlink(part)
            raise
    _sync_directory(os.path.dirname(target), sync)
    os.unlink(file.path)


def contents(raw: BinaryIO, compression: str) -> BinaryIO:
    """
    Return what was compressed, from the beginning on; who closes it closes ``raw``, too.

    :raise Unsupported: nothing here can unpack it; it is closed.
    """
    if compression == "none":
        return raw
    try:
        return _Reader(_unpacked(raw, compression), raw)
    except BaseException:
        raw.close()
        raise


def _sync_directory(path: str, sync: Callable[[int], object]) -> None:
    fd = os.open(path or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync(fd)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that syncs no directories
            raise
    finally:
        os.close(fd)


def _writer(raw: BinaryIO, kind: str) -> Any:
    if kind == "gzip":
        from gzip import GzipFile

        return GzipFile("", "wb", 6, raw, 0)
    module = _zstd()
    if module.__name__ == "zstandard":
        return module.ZstdCompressor().stream_writer(raw, closefd=False)
    return module.ZstdFile(raw, "wb")


class _Reader(BufferedReader):
    """Reads what is unpacked, and closes what it is unpacked from."""

    def __init__(self, unpacked: Any, packed: BinaryIO) -> None:
        super().__init__(unpacked, _BLOCK)
        self._packed = packed

    def close(self) -> None:
        super().close()
        self._packed.close()


def _unpacked(packed: BinaryIO, kind: str) -> Any:
    if kind == "gzip":
        from gzip import GzipFile

        return GzipFile("", "rb", 9, packed)
    module = _zstd()
    if module.__name__ == "zstandard":
        return module.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    return module.ZstdFile(packed)


def _zstd() -> Any:
    try:
        return zstd()
    except ImportError as error:
        raise Unsupported("", str(error)) from None
