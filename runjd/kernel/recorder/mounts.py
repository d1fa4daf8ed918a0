"""
Mounts of a kernel in memory: nmount(2), unmount(2), statfs(2), getfsstat(2).

What brings the real kernel down raises :class:`KernelPanic`.
"""

from __future__ import annotations

from runjd.kernel.freebsd import mount as m
from runjd.kernel.freebsd.parameters import encode
from runjd.kernel.recorder import filesystems
from runjd.kernel.recorder.journal import KernelPanic
from runjd.kernel.recorder.paths import Paths
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.rulesets import apply_ruleset
from runjd.kernel.recorder.state import Mounted, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.parameters import Pairs, Parameters
    from runjd.kernel.recorder.state import State

_FLAGS = {
    "ro": m.MNT_RDONLY, "rdonly": m.MNT_RDONLY, "nosuid": m.MNT_NOSUID, "noexec": m.MNT_NOEXEC, "union": m.MNT_UNION,
    "nosymfollow": m.MNT_NOSYMFOLLOW, "automounted": 0x200000000,
}  # fmt: skip
_CLEARED = {"rw": m.MNT_RDONLY, "noro": m.MNT_RDONLY}
_KEPT = m.MNT_RDONLY | m.MNT_NOSUID | m.MNT_NOEXEC | m.MNT_UNION | m.MNT_NOSYMFOLLOW
_LONGEST_TYPE = 16
_LONGEST_PATH = 1024
_NOWHERE = "Invalid fstype"


class Mounts:
    """
    The table of mounts.

    :param panics_on_files: a file over a file brings the kernel down, as that of 13.2.
    """

    def __init__(self, state: State, paths: Paths, panics_on_files: bool) -> None:
        self._state = state
        self._paths = paths
        self._panics_on_files = panics_on_files

    def nmount(self, options: Parameters, flags: int = 0) -> None:
        pairs = encode(options)
        try:
            self._nmount(pairs, flags)
        except OSError as error:
            error.filename = _text(dict(pairs).get("fspath"))
            raise

    def unmount(self, target: str, flags: int = 0) -> None:
        self._may_unmount()
        try:
            named = self._paths.find(target).text()
        except OSError:
            named = target
        found = [each for each in self._state.mounts if each.target == named]
        if not found or found[-1].covered is None:
            raise refusal("EINVAL", what=target)
        self._take_away(found[-1], flags, target)

    def unmount_fsid(self, fsid: tuple[int, int], flags: int = 0) -> None:
        self._may_unmount()
        name = f"FSID:{fsid[0]}:{fsid[1]}"
        for each in self._state.mounts:
            if each.fsid == tuple(fsid):
                self._take_away(each, flags, name)
                return
        raise refusal("ENOENT", what=name)

    def statfs(self, path: str) -> m.Mount:
        return _told(self._paths.find(path).mount)

    def fstatfs(self, descriptor: int) -> m.Mount:
        file = self._state.me.descriptors.get(descriptor)
        if file is None or file.place is None or file.place.mount.is_gone:
            raise refusal("EBADF", what="fstatfs")
        return _told(file.place.mount)

    def getfsstat(self) -> list[m.Mount]:
        prison = self._state.mine()
        enforce = 0 if prison is self._state.host else prison.values.get("enforce_statfs", 2)
        if enforce == 0:
            return [_told(each) for each in self._state.mounts]
        root = prison.root
        if enforce == 2:
            return [_told(root.mount)]
        below = root.text().rstrip("/") + "/"
        return [_told(each) for each in self._state.mounts if each is root.mount or each.target.startswith(below)]

    def _nmount(self, pairs: Pairs, flags: int) -> None:
        given = dict(pairs)
        if len(pairs) < 2:
            raise refusal("EINVAL")
        for name in ("fstype", "fspath"):
            if not (given.get(name) or b"").endswith(b"\0"):
                raise refusal("EINVAL", f"Invalid {name}")
        type, path = _text(given["fstype"]), _text(given["fspath"])
        for name, _ in pairs:
            flags = (flags | _FLAGS.get(name, 0)) & ~_CLEARED.get(name, 0)
        if len(type) >= _LONGEST_TYPE or len(path) >= _LONGEST_PATH:
            raise refusal("ENAMETOOLONG")
        self._may_mount(type)
        place = self._found(path)
        if flags & m.MNT_UPDATE or "update" in given:
            self._update(place, given, flags)
            return
        self._check_type(type)
        if "emptydir" in given and place.node.children:
            raise refusal("ENOTEMPTY")
        self._mount(type, place, pairs, flags)

    def _mount(self, type: str, place: Place, pairs: Pairs, flags: int) -> None:
        given = dict(pairs)
        filesystems.check_options(type, pairs)
        source = type if type != "nullfs" else ""
        root = filesystems.new_root(type)
        ruleset = 0
        if type == "nullfs":
            source = _text(given.get("from") or given.get("target"))
            root = self._source(source, place).node
        elif not place.node.is_directory():
            raise refusal("ENOTDIR")
        made = Mounted(type, source, place.text(), root, place, flags & _KEPT | (flags & 0x200000000))
        if type == "tmpfs":
            made.options = filesystems.understood(pairs)
            root.mode = place.node.mode if made.options["mode"] is None else made.options["mode"]
            root.uid, root.gid = made.options["uid"] or 0, made.options["gid"] or 0
        elif type == "devfs":
            made.flags &= ~m.MNT_RDONLY
            if "ruleset" in given:
                ruleset = filesystems.ruleset_of(given["ruleset"])
                if self._state.me.jid:
                    raise refusal("EPERM")
            if self._state.me.jid:
                ruleset = self._state.mine().values.get("devfs_ruleset", 0)
        self._state.mount_count += 1
        made.fsid = (self._state.mount_count << 16 | 0xFF06, len(type))
        made.options["made in"] = self._state.me.jid
        self._state.mounts.append(made)
        if ruleset:
            apply_ruleset(self._state, made, ruleset)

    def _source(self, source: str, target: Place) -> Place:
        """Return what a nullfs shows."""
        if not source:
            raise refusal("EINVAL")
        place = self._found(source)
        if place.node.is_directory() != target.node.is_directory():
            raise refusal("EINVAL")
        if place.node is target.node and place.mount is target.mount:
            raise KernelPanic("lockmgr_xlock_hard: recursing on non recursive lockmgr (a nullfs over itself)")
        if not place.node.is_directory() and self._panics_on_files:
            raise KernelPanic("free: address has not been allocated (a nullfs of a file over a file)")
        return place

    def _update(self, place: Place, given: dict[str, bytes | None], flags: int) -> None:
        mount = place.mount
        if mount.covered is None or mount.covered.path != place.path:
            raise refusal("EINVAL")
        if mount.type == "tmpfs":
            if "size" in given:
                raise refusal("ENOTSUP")
            if flags & m.MNT_RDONLY and not mount.flags & m.MNT_RDONLY and self._is_written(mount):
                raise refusal("EBUSY")
            mount.flags = mount.flags & ~m.MNT_RDONLY | flags & m.MNT_RDONLY
        elif mount.type == "devfs":
            if "ruleset" in given:
                apply_ruleset(self._state, mount, filesystems.ruleset_of(given["ruleset"]))
        else:
            raise refusal("ENOTSUP")

    def _take_away(self, mount: Mounted, flags: int, what: str) -> None:
        if mount.options.get("made in", 0) != self._state.me.jid and self._state.me.jid:
            raise refusal("EPERM", what=what)
        if not flags & m.MNT_FORCE and self._is_busy(mount):
            raise refusal("EBUSY", what=what)
        mount.is_gone = True
        self._state.mounts.remove(mount)

    def _is_busy(self, mount: Mounted) -> bool:
        everyone = self._state.processes.values()
        places = [file.place for each in everyone for file in each.descriptors.values()]
        places += [place for each in everyone if each.status is None for place in (each.directory, each.root)]
        places += [each.root for each in self._state.prisons]
        places += [each.covered for each in self._state.mounts]
        return any(place is not None and place.mount is mount for place in places)

    def _is_written(self, mount: Mounted) -> bool:
        files = [file for each in self._state.processes.values() for file in each.descriptors.values()]
        return any(file.place is not None and file.place.mount is mount and file.flags & 3 for file in files)

    def _found(self, path: str) -> Place:
        try:
            return self._paths.find(path)
        except FileNotFoundError:
            raise refusal("EINVAL", _NOWHERE) from None

    def _may_mount(self, type: str) -> None:
        self._may_unmount()
        prison = self._state.mine()
        if prison is not self._state.host and (
            type not in filesystems.FOR_JAILS or f"allow.mount.{type}" not in prison.values["allow"]
        ):
            raise refusal("EPERM")

    def _may_unmount(self) -> None:
        prison = self._state.mine()
        if not self._state.is_root():
            raise refusal("EPERM")
        if prison is not self._state.host and (
            "allow.mount" not in prison.values["allow"] or prison.values.get("enforce_statfs", 2) >= 2
        ):
            raise refusal("EPERM")

    def _check_type(self, type: str) -> None:
        if type == "null":  # a module, and no file system
            raise refusal("ENODEV")
        if type in self._state.loadable:
            self._state.file_systems.add(type)
        if type not in self._state.file_systems:
            raise refusal("EINVAL", _NOWHERE)


def _told(mount: Mounted) -> m.Mount:
    return m.Mount(mount.type, mount.source, mount.target, mount.flags, mount.fsid)


def _text(value: bytes | None) -> str:
    return (value or b"").partition(b"\0")[0].decode("utf-8", "surrogateescape")
