"""
The one layer of an image: a root file system as a compressed tar archive.

An archive of a release is taken as it is, whatever wrote it, and compressed anew;
a directory is archived in the order of names, with the owners by number and the
times of its files.  Either way the same input makes the same bytes: gzip keeps no
name and no time.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import stat
import tarfile
import zlib

from runjd.errors import BadArgument, InputOutput
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, BinaryIO

_CHUNK = 1 << 18
_BLOCK = 512
#: a tar archive ends in two blocks of zeros
_END = bytes(2 * _BLOCK)


class Layer(Value):
    """
    A layer that was written.

    :ivar digest: SHA-256 of the compressed archive, in hexadecimal digits.
    :ivar diff_id: that of the archive itself.
    :ivar size: of the compressed archive, in bytes.
    """

    digest: str
    diff_id: str
    size: int


def write_layer(source: str, target: BinaryIO, moved: Callable[[int], None]) -> Layer:
    """
    Write a layer.

    :param source: a directory, or an archive: tar, alone or compressed by xz, gzip or bzip2.
    :param moved: told of each number of bytes that were read from an archive.
    :raise RunjdError: the source is neither, or is damaged.
    """
    packed = _Summed(target)
    # compression that no other library version changes is none; the level is that of other builders
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as compressor:
        plain = _Summed(compressor)
        if os.path.isdir(source):
            _archive(source, plain)
        else:
            _copy(source, plain, moved)
    return Layer(packed.digest, plain.digest, packed.size)


class _Summed:
    """A file for writing that knows what was written."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._sum = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> int:
        self._file.write(data)
        self._sum.update(data)
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        self._file.flush()

    def tell(self) -> int:
        return self.size

    @property
    def digest(self) -> str:
        return self._sum.hexdigest()


def _archive(directory: str, target: Any) -> None:
    seen: dict[tuple[int, int], str] = {}
    with tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as archive:
        for path, name in _walk(directory, "."):
            found = os.lstat(path)
            if stat.S_ISSOCK(found.st_mode):
                continue
            entry = _entry(path, name, found)
            inode = (found.st_dev, found.st_ino)
            if not stat.S_ISDIR(found.st_mode) and found.st_nlink > 1:
                if inode in seen:
                    entry.type, entry.linkname, entry.size = tarfile.LNKTYPE, seen[inode], 0
                else:
                    seen[inode] = name
            if entry.type != tarfile.REGTYPE:
                archive.addfile(entry)
                continue
            with open(path, "rb") as file:
                archive.addfile(entry, file)


def _walk(directory: str, name: str) -> Iterator[tuple[str, str]]:
    yield directory, name
    with os.scandir(directory) as entries:
        found = sorted((each.name, each.is_dir(follow_symlinks=False)) for each in entries)
    for each, is_directory in found:
        below = f"{directory}/{each}", f"{name}/{each}"
        if is_directory:
            yield from _walk(*below)
        else:
            yield below


def _entry(path: str, name: str, found: os.stat_result) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = stat.S_IMODE(found.st_mode)
    entry.uid, entry.gid = found.st_uid, found.st_gid
    entry.mtime = int(found.st_mtime)
    kind = stat.S_IFMT(found.st_mode)
    entry.type = _TYPES[kind]
    if kind == stat.S_IFREG:
        entry.size = found.st_size
    elif kind == stat.S_IFLNK:
        entry.linkname = os.readlink(path)
    elif kind in (stat.S_IFCHR, stat.S_IFBLK):
        entry.devmajor, entry.devminor = os.major(found.st_rdev), os.minor(found.st_rdev)
    return entry


_TYPES = {
    stat.S_IFREG: tarfile.REGTYPE,
    stat.S_IFDIR: tarfile.DIRTYPE,
    stat.S_IFLNK: tarfile.SYMTYPE,
    stat.S_IFCHR: tarfile.CHRTYPE,
    stat.S_IFBLK: tarfile.BLKTYPE,
    stat.S_IFIFO: tarfile.FIFOTYPE,
}


def _copy(source: str, target: Any, moved: Callable[[int], None]) -> None:
    size, end, at = 0, b"", 0
    with open(source, "rb") as file, _unpacked(source, file) as unpacked:
        try:
            while chunk := unpacked.read(_CHUNK):
                size += len(chunk)
                end = (end + chunk)[-len(_END) :]
                target.write(chunk)
                moved(file.tell() - at)
                at = file.tell()
        except (EOFError, lzma.LZMAError, zlib.error, OSError) as error:
            raise InputOutput(f"{source} is damaged or was cut off: {error}") from error
    if size % _BLOCK or end != _END:
        raise InputOutput(f"{source} is damaged or was cut off: the archive has no end")


def _unpacked(source: str, file: BinaryIO) -> Any:
    head = file.read(_BLOCK)
    file.seek(0)
    if head.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMAFile(file)
    if head.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file)
    if head.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if head[257:262] == b"ustar":
        return file
    raise BadArgument(f"{source} is neither a directory nor a tar archive, plain or by xz, gzip or bzip2")
