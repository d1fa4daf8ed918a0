"""Files in memory, by the names of the module ``os``."""

from __future__ import annotations

import os
import stat

from runjd.kernel.freebsd.files import O_PATH, O_RESOLVE_BENEATH
from runjd.kernel.freebsd.mount import MNT_RDONLY
from runjd.kernel.recorder import life
from runjd.kernel.recorder.paths import Paths
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Node, OpenFile, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import Process, State

_WRITES = os.O_WRONLY | os.O_RDWR


class Files:
    """Files, as the process that we are sees them."""

    def __init__(self, state: State, paths: Paths) -> None:
        self._state = state
        self._paths = paths

    def open(self, path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        follow = not flags & os.O_NOFOLLOW and not (flags & os.O_CREAT and flags & os.O_EXCL)
        start = self._start(dir_fd)
        place, missing = self._paths.find_parent(path, start, follow, bool(flags & O_RESOLVE_BENEATH))
        if missing:
            if not flags & os.O_CREAT:
                raise refusal("ENOENT", what=path)
            place = self._add(place, missing, Node(stat.S_IFREG, mode & ~self._state.me.mask), path)
        elif flags & os.O_CREAT and flags & os.O_EXCL:
            raise refusal("EEXIST", what=path)
        self._check_kind(place, flags, path)
        if flags & _WRITES and place.node.kind == stat.S_IFREG:
            self._check_writable(place, path)
            if flags & os.O_TRUNC:
                place.node.content.clear()
        return hold(self._state.me, OpenFile(place, flags, self._state.me.jid))

    def open_beneath(self, root: int, path: str, flags: int) -> int:
        return self.open(path or ".", flags | O_RESOLVE_BENEATH | os.O_CLOEXEC, dir_fd=root)

    def close(self, descriptor: int) -> None:
        file = self._file(descriptor)
        del self._state.me.descriptors[descriptor]
        if file.owns and file.prison is not None and not file.prison.is_dying:
            life.remove(self._state, file.prison)
        life.settle(self._state)

    def read(self, descriptor: int, count: int) -> bytes:
        file = self._file(descriptor)
        node = self._readable(file).node
        if node.is_directory():
            raise refusal("EISDIR")
        data = bytes(node.content[file.offset : file.offset + count])
        file.offset += len(data)
        return data

    def write(self, descriptor: int, data: bytes) -> int:
        file = self._file(descriptor)
        node = self._readable(file).node
        if not file.flags & _WRITES:
            raise refusal("EBADF")
        if node.kind == stat.S_IFREG:
            at = len(node.content) if file.flags & os.O_APPEND else file.offset
            node.content[at : at + len(data)] = data
            file.offset = at + len(data)
        return len(data)

    def fstat(self, descriptor: int) -> os.stat_result:
        place = self._file(descriptor).place
        if place is None or place.mount.is_gone:
            raise refusal("EBADF")
        return _stat(place)

    def stat(self, path: str | int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        if isinstance(path, int):
            return self.fstat(path)
        return _stat(self._paths.find(path, self._start(dir_fd), follow_symlinks))

    def listdir(self, path: str | int = ".") -> list[str]:
        place = self._file(path).place if isinstance(path, int) else self._paths.find(path)
        if place is None or not place.node.is_directory() or place.mount.is_gone:
            raise refusal("ENOTDIR", what=str(path))
        return [name for name, node in place.node.children.items() if self._paths.is_shown(node)]

    def readlink(self, path: str, *, dir_fd: int | None = None) -> str:
        node = self._paths.find(path, self._start(dir_fd), follow=False).node
        if node.kind != stat.S_IFLNK:
            raise refusal("EINVAL", what=path)
        return node.target

    def realpath(self, path: str) -> str:
        place, missing = self._paths.find_parent(path)
        return f"{place.text().rstrip('/')}/{missing}".rstrip("/") or "/"

    def mkdir(self, path: str, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        self._make(path, Node(stat.S_IFDIR, mode & ~self._state.me.mask), dir_fd)

    def symlink(self, target: str, path: str, *, dir_fd: int | None = None) -> None:
        self._make(path, Node(stat.S_IFLNK, 0o755, target), dir_fd)

    def utime(self, path: str | int, *, ns: tuple[int, int]) -> None:
        self._changed(path, None, True)

    def rename(self, source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        place = self._paths.find(source, self._start(src_dir_fd), follow=False)
        there, missing = self._paths.find_parent(target, self._start(dst_dir_fd), follow=False)
        if there.mount is not place.mount:
            raise refusal("EXDEV", what=target)
        if not missing:
            if there.node.is_directory():
                raise refusal("EISDIR", what=target)
            self._take_away(there, target)
            there, missing = self._paths.find_parent(target, self._start(dst_dir_fd), follow=False)
        self._take_away(place, source)
        there.node.children[missing] = place.node

    def rmdir(self, path: str, *, dir_fd: int | None = None) -> None:
        place = self._paths.find(path, self._start(dir_fd), follow=False)
        if not place.node.is_directory():
            raise refusal("ENOTDIR", what=path)
        if place.mount.covered is not None and place.mount.covered.path == place.path:
            raise refusal("EBUSY", what=path)
        if place.node.children:
            raise refusal("ENOTEMPTY", what=path)
        self._take_away(place, path)

    def unlink(self, path: str, *, dir_fd: int | None = None) -> None:
        place = self._paths.find(path, self._start(dir_fd), follow=False)
        if place.node.is_directory():
            raise refusal("EPERM", what=path)
        if place.mount.covered is not None and place.mount.covered.path == place.path:
            raise refusal("EBUSY", what=path)
        self._take_away(place, path)

    def chown(
        self, path: str | int, uid: int, gid: int, *, dir_fd: int | None = None, follow_symlinks: bool = True
    ) -> None:
        place = self._changed(path, dir_fd, follow_symlinks)
        place.node.uid = uid if uid != -1 else place.node.uid
        place.node.gid = gid if gid != -1 else place.node.gid

    def chmod(self, path: str | int, mode: int, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> None:
        self._changed(path, dir_fd, follow_symlinks).node.mode = mode & 0o7777

    def chdir(self, path: str | int) -> None:
        place = self._file(path).place if isinstance(path, int) else self._paths.find(path)
        if place is None or not place.node.is_directory():
            raise refusal("ENOTDIR", what=str(path))
        self._state.me.directory = place

    def umask(self, mask: int) -> int:
        before, self._state.me.mask = self._state.me.mask, mask & 0o777
        return before

    def directory_of(self, descriptor: int) -> Place:
        """Return what an open directory, or another file, is."""
        return self._readable(self._file(descriptor))

    def _start(self, dir_fd: int | None) -> Place | None:
        if dir_fd is None:
            return None
        place = self._file(dir_fd).place
        if place is None or not place.node.is_directory():
            raise refusal("ENOTDIR")
        return place

    def _file(self, descriptor: int) -> OpenFile:
        file = self._state.me.descriptors.get(descriptor)
        if file is None:
            raise refusal("EBADF")
        return file

    def _readable(self, file: OpenFile) -> Place:
        if file.flags & O_PATH and file.place is not None and not file.place.node.is_directory():
            raise refusal("EBADF")
        if file.place is None or file.place.mount.is_gone:
            raise refusal("EBADF")
        return file.place

    def _check_kind(self, place: Place, flags: int, path: str) -> None:
        if place.node.kind == stat.S_IFLNK and not flags & O_PATH:
            raise refusal("EMLINK", what=path)
        if flags & os.O_DIRECTORY and not place.node.is_directory():
            raise refusal("ENOTDIR", what=path)
        if flags & _WRITES and place.node.is_directory():
            raise refusal("EISDIR", what=path)

    def _check_writable(self, place: Place, path: str) -> None:
        if place.mount.flags & MNT_RDONLY:
            raise refusal("EROFS", what=path)

    def _make(self, path: str, node: Node, dir_fd: int | None) -> None:
        place, missing = self._paths.find_parent(path, self._start(dir_fd), follow=False)
        if not missing:
            raise refusal("EEXIST", what=path)
        self._add(place, missing, node, path)

    def _add(self, place: Place, name: str, node: Node, path: str) -> Place:
        self._check_writable(place, path)
        node.uid, node.gid = self._state.me.uid, place.node.gid
        place.node.children[name] = node
        return Place((*place.path, name), node, place.mount)

    def _take_away(self, place: Place, path: str) -> None:
        self._check_writable(place, path)
        self._paths.above(place).node.children.pop(place.path[-1], None)

    def _changed(self, path: str | int, dir_fd: int | None, follow: bool) -> Place:
        if isinstance(path, int):
            return self.directory_of(path)
        place = self._paths.find(path, self._start(dir_fd), follow)
        self._check_writable(place, path)
        return place


def hold(process: Process, file: OpenFile) -> int:
    """Return the number of a descriptor for what was opened."""
    descriptor = next(number for number in range(3, 65536) if number not in process.descriptors)
    process.descriptors[descriptor] = file
    return descriptor


def _stat(place: Place) -> os.stat_result:
    node = place.node
    size = len(node.target) if node.kind == stat.S_IFLNK else len(node.content)
    links = 2 if node.is_directory() else 1
    return os.stat_result(
        (node.kind | node.mode, node.number, place.mount.fsid[0], links, node.uid, node.gid, size, 0, 0, 0)
    )
