"""The recorded cases of nmount(2), unmount(2) and devfs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest

from runjd.kernel.freebsd import mount as m
from runjd.kernel.freebsd.devfs import Rule
from runjd.kernel.freebsd.jail import JAIL_CREATE
from runjd.kernel.recorder.journal import KernelPanic
from tests.kernel.recorder.observed import NOT_REPLAYED, Case, Replay, answer, parameters, real, same, short

_SHOWN = {
    m.MNT_NOSUID: "nosuid", m.MNT_NOEXEC: "noexec", m.MNT_UNION: "union", m.MNT_NOSYMFOLLOW: "nosymfollow",
}  # fmt: skip
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY


class MountReplay(Replay):
    """Mounts and takes away."""

    area = "mount"

    def __init__(self) -> None:
        super().__init__()
        self.kernel.make_tree("/tmp/mt/s", "/tmp/mt/t", "/tmp/mt/n1", "/tmp/mt/n2", "/tmp/mt/d", "/var/mt")
        for path in ("/tmp/mt/s/hello", "/tmp/mt/t/.keep", "/tmp/mt/fs", "/tmp/mt/ft", "/var/mt/fs", "/var/mt/ft"):
            self.kernel.make_file(path)
        self.kernel.make_link("/tmp/mt/t", "/tmp/mt/ln")
        self._devfs = -1

    def nmount(self, case: Case) -> Iterator[str]:
        """One mount, which is taken away again."""
        options = dict((case.input or {}).get("opts", {}))
        if not options:
            yield NOT_REPLAYED
            return
        if case.ret == 0 and str(options["fspath"]).endswith("bytes)"):
            # was recorded cut, but for what mount(8) shows
            options["fspath"] = case.out["mount"].split()[1]
            self.kernel.make_tree(options["fspath"])
        if options.get("target") == "/MT/ln":
            self.kernel.unlink("/tmp/mt/ln")
            self.kernel.make_link("/tmp/mt/s", "/tmp/mt/ln")
        given = answer(lambda: self.kernel.nmount(parameters(options), int(case.input["flags"], 16)))
        # without room for it, or with too little, there are no words
        words = given[2] if case.errmsg is not None else ""
        yield from self.compare(case, (given[0], given[1], words[: len(case.errmsg or words)]))
        if given[0] != 0:
            return
        mount = self.kernel.getfsstat()[-1]
        source, target, type, flags = re.split(r"\s+", case.out["mount"].splitlines()[0])[:4]
        shown = [
            "ro" if mount.flags & m.MNT_RDONLY else "rw",
            *(word for bit, word in _SHOWN.items() if mount.flags & bit),
        ]
        yield from same(
            (short(mount.source), short(mount.target), mount.type, sorted(shown)),
            (source, target, type, sorted(flags.split(","))),
        )
        yield from self._look(mount, case.out.get("look"))
        self.kernel.unmount(mount.target)

    def _look(self, mount: m.Mount, look: Any) -> Iterator[str]:
        if mount.type == "nullfs" and isinstance(look, list):
            yield from same(self.kernel.listdir(mount.target), look)
        elif mount.type == "tmpfs" and isinstance(look, str):
            *_, space, files, owner = look.splitlines()
            options = self.kernel.state.mounts[-1].options
            blocks, inodes = int(space.split()[1]), int(files.split()[6])
            yield from same(options["size"], blocks * 1024 if blocks < 1_800_000 else None, "size")
            if options["size"] is None:
                yield from same(options["inodes"], inodes + 1 if inodes < 1_000_000 else None, "inodes")
            status = self.kernel.stat(mount.target)
            import stat

            yield from same(f"{status.st_uid} {status.st_gid} {stat.filemode(status.st_mode)}", owner)
        elif mount.type == "devfs" and isinstance(look, str) and not look.startswith("total"):
            shown = set(self.kernel.listdir(mount.target))
            yield from same(shown <= set(look.split()) and ("console" in shown) == ("console" in look), True, look)

    def as_nobody(self, case: Case) -> Iterator[str]:
        """An ordinary user may neither mount nor take away."""
        with self.kernel.acting_as(self.kernel.fork()):
            self.kernel.state.me.uid = 65534
            tmpfs = parameters({"fstype": "tmpfs", "fspath": "/MT/t"})
            yield from same(answer(lambda: self.kernel.nmount(tmpfs))[:2], (-1, "EPERM"))
            yield from same(answer(lambda: self.kernel.unmount("/tmp/mt/t"))[:2], (-1, "EPERM"))

    def stacked(self, case: Case) -> Iterator[str]:
        """The upper one goes first."""
        self._mount("/MT/t")
        self.kernel.make_file("/tmp/mt/t/one")
        self._mount("/MT/t")
        yield from same(self.kernel.listdir("/tmp/mt/t"), case.out["ls"])
        self.kernel.unmount("/tmp/mt/t")
        yield from same(self.kernel.listdir("/tmp/mt/t"), case.out["ls then"])
        self.kernel.unmount("/tmp/mt/t")
        yield from same(list(answer(lambda: self.kernel.unmount("/tmp/mt/t"))[:2]), case.out["unmount 3 (not mounted)"])

    def not_mounted(self, case: Case) -> Iterator[str]:
        """Nothing is mounted where it is told to take away."""
        yield from self.compare(case, answer(lambda: self.kernel.unmount(real(case.input))))

    def other_spelling(self, case: Case) -> Iterator[str]:
        """The same place by another path."""
        path = {"with": "/tmp/mt/t/", "relative": "mt/t", "through": "/tmp/mt/link"}[case.case.split()[1]]
        self.kernel.make_link("/tmp/mt/t", "/tmp/mt/link")
        self._mount("/MT/t")
        yield from self.compare(case, answer(lambda: self.kernel.unmount(path)))
        self.kernel.unlink("/tmp/mt/link")

    def below_a_mount(self, case: Case) -> Iterator[str]:
        """A directory of a mount is no mount."""
        self._mount("/MT/t")
        self.kernel.mkdir("/tmp/mt/t/in")
        yield from self.compare(case, answer(lambda: self.kernel.unmount("/tmp/mt/t/in")))

    def busy(self, case: Case) -> Iterator[str]:
        """A directory of the mount is open."""
        self._open = self.kernel.open("/tmp/mt/t/in", _DIRECTORY)
        yield from self.compare(case, answer(lambda: self.kernel.unmount("/tmp/mt/t")))

    def forced(self, case: Case) -> Iterator[str]:
        """Force takes it away nevertheless."""
        yield from self.compare(case, answer(lambda: self.kernel.unmount("/tmp/mt/t", m.MNT_FORCE)))

    def after_force(self, case: Case) -> Iterator[str]:
        """What is open is worth nothing now."""
        yield from same(answer(lambda: self.kernel.listdir(self._open))[1], case.out[0])
        yield from same(answer(lambda: self.kernel.fstat(self._open))[1], case.out[1])
        self.kernel.close(self._open)

    def outer_first(self, case: Case) -> Iterator[str]:
        """A mount with another in it is busy; forced away, it leaves the other in the table."""
        self._mount("/MT/t")
        self.kernel.mkdir("/tmp/mt/t/in")
        self._mount("/MT/t/in")
        yield from same(answer(lambda: self.kernel.unmount("/tmp/mt/t"))[:2], (-1, "EBUSY"))
        yield from same(answer(lambda: self.kernel.unmount("/tmp/mt/t", m.MNT_FORCE))[0], 0)
        yield from same([each.target for each in self.kernel.getfsstat()][1:], ["/tmp/mt/t/in"])

    def inner_then(self, case: Case) -> Iterator[str]:
        """The one left goes by its old path."""
        yield from same(answer(lambda: self.kernel.unmount("/tmp/mt/t/in"))[0], case.out[0])
        yield from same(answer(lambda: self.kernel.unmount("/tmp/mt/t"))[1], case.out[3])

    def by_fsid(self, case: Case) -> Iterator[str]:
        """Its own name takes a mount away, and no other name does."""
        self._mount("/MT/t")
        fsid = self.kernel.statfs("/tmp/mt/t").fsid
        yield from same(list(answer(lambda: self.kernel.unmount_fsid((1, 22)))[:2]), case.out["unknown FSID:1:2"])
        yield from self.compare(case, answer(lambda: self.kernel.unmount_fsid(fsid)))

    def update(self, case: Case) -> Iterator[str]:
        """Changes of mounts that are there."""
        options: dict[str, Any] = {"fstype": case.case.split()[0], "fspath": "/MT/t"}
        flags, before = m.MNT_UPDATE, dict(options)
        if "nothing" in case.case:
            options["fstype"] = "tmpfs"
            yield from self.compare(case, answer(lambda: self.kernel.nmount(parameters(options), flags)))
            return
        if "nullfs" in case.case:
            before["from"] = "/MT/s"
        if "to rw" in case.case:
            before["ro"] = "NULL/0"
        options |= {"ruleset": "4"} if "ruleset" in case.case else {"size": "1m"} if "size" in case.case else {}
        options |= {"rw": "NULL/0"} if "to rw" in case.case or "noro" in case.case else {}
        options |= {"ro": "NULL/0"} if " ro" in case.case else {}
        self.kernel.nmount(parameters(before))
        opened = -1
        if "open for write" in case.case:
            opened = self.kernel.open("/tmp/mt/t/f", os.O_WRONLY | os.O_CREAT)
        yield from self.compare(case, answer(lambda: self.kernel.nmount(parameters(options), flags)))
        if opened >= 0:
            self.kernel.close(opened)
        self.kernel.unmount("/tmp/mt/t")

    def rulesets(self, case: Case) -> Iterator[str]:
        """The loaded rulesets, one after another."""
        self._on_devfs()
        yield from same([*self.kernel.rulesets(self._devfs), "ENOENT"], case.out)

    def listing(self, case: Case) -> Iterator[str]:
        """What the devfs shows."""
        shown = set(self.kernel.listdir("/tmp/mt/t"))
        wanted = set(case.out.split())
        yield from same(shown <= wanted and (shown & _PLAIN) == (wanted & _PLAIN), True, f"{shown} of")

    def devfs_ioctl(self, case: Case) -> Iterator[str]:
        """One ioctl of a devfs."""
        self._on_devfs()
        words = case.case.removeprefix("devfs ioctl ")
        call = _IOCTLS.get(words)
        if call is None:
            yield NOT_REPLAYED
            return
        yield from self.compare(case, answer(lambda: call(self.kernel, self._devfs)))

    def shown_rules(self, case: Case) -> Iterator[str]:
        """The rules that were added, with their numbers."""
        rules = self.kernel.rules(self._devfs, 77)
        yield from same([rule.number for rule in rules], [int(line.split()[0]) for line in case.out.splitlines()])

    def other_descriptor(self, case: Case) -> Iterator[str]:
        """Not everything that is open is a devfs."""
        path = {"non-devfs": "/tmp/mt/s", "device": "/tmp/mt/t/null", "subdirectory": "/tmp/mt/t/fd"}
        which = next(path[word] for word in path if word in case.case)
        if "subdirectory" in case.case:
            self.kernel.apply_rule(self._devfs, Rule("fd", hide=False))
        opened = self.kernel.open(which, os.O_RDONLY)
        yield from self.compare(case, answer(lambda: self.kernel.use_ruleset(opened, 4)))
        self.kernel.close(opened)

    def inside(self, case: Case) -> Iterator[str]:
        """What a jail that may mount may do."""
        self.kernel.close(self._devfs)
        self.kernel.unmount("/tmp/mt/t")
        self._mount("/MT/t")
        self.kernel.make_tree("/tmp/mt/t/n1", "/tmp/mt/t/n2", "/tmp/mt/t/n3", "/tmp/mt/t/dev")
        self.kernel.nmount(parameters({"fstype": "devfs", "fspath": "/MT/t/dev"}))
        may = {f"allow.mount{name}": "NULL/0" for name in ("", ".tmpfs", ".devfs", ".nullfs")}
        jail = {"name": "m", "path": "/MT/t", "persist": "NULL/0", "enforce_statfs": 1, "devfs_ruleset": 4, **may}
        jid = self.kernel.jail_set(parameters(jail), JAIL_CREATE)
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(jid)
            yield from self._inside(case.out)
        self.kernel.exit(child)
        self.kernel.reap(child)
        self.kernel.jail_remove(jid)
        self.kernel.unmount("/tmp/mt/t/dev")
        self.kernel.unmount("/tmp/mt/t")

    def _inside(self, out: dict[str, Any]) -> Iterator[str]:
        kernel = self.kernel
        device = kernel.open("/dev", os.O_RDONLY | os.O_DIRECTORY)
        yield from same(list(answer(lambda: kernel.use_ruleset(device, 4))[:2]), out["SUSE in jail"])
        yield from same(list(answer(lambda: kernel.apply_rule(device, Rule("null", True)))[:2]), out["RAPPLY in jail"])
        kernel.close(device)
        yield from same(list(answer(lambda: kernel.unmount("/dev"))[:2]), out["unmount host-made mount"])
        for what, options in _MOUNTS_INSIDE.items():
            given = answer(lambda options=options: kernel.nmount(parameters(options)))
            yield from same((given[0], given[2]), (out[what][0], out[what][2]), what)
            if out[what][0] == 0:
                if what == "mount devfs /n2":
                    yield from same(set(kernel.listdir("/n2")), set(out["ls n2"]))
                kernel.unmount(options["fspath"])

    def refused_inside(self, case: Case) -> Iterator[str]:
        """A jail that lacks one of the three things may not mount."""
        self.kernel.make_tree("/tmp/jr/n1")
        jail = {"name": "m", "path": "/JR", "persist": "NULL/0", **case.input}
        jid = self.kernel.jail_set(parameters(jail), JAIL_CREATE)
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(jid)
            tmpfs = parameters({"fstype": "tmpfs", "fspath": "/n1"})
            yield from same(answer(lambda: self.kernel.nmount(tmpfs))[:2], (-1, "EPERM"))
            wanted = {1: "EPERM", 22: "EINVAL"}[case.out[2][1]]
            yield from same(answer(lambda: self.kernel.unmount("/n1"))[1], wanted)
        self.kernel.exit(child)
        self.kernel.reap(child)
        self.kernel.jail_remove(jid)

    def left_mounts(self, case: Case) -> Iterator[str]:
        """Nothing is left."""
        yield from same([each.target for each in self.kernel.getfsstat()], ["/"])

    def into_itself(self, case: Case) -> Iterator[str]:
        """A tree that is shown within itself."""
        self._mount("/MT/t")
        self.kernel.make_tree("/tmp/mt/t/x")
        yield from self.compare(case, answer(lambda: self.kernel.nmount(parameters(case.input))))
        self.kernel.unmount(real(case.input["fspath"]))
        self.kernel.unmount("/tmp/mt/t")

    def panic(self, case: Case) -> Iterator[str]:
        """What brings the machine down."""
        options = {"fstype": "nullfs", **(case.input or {})}
        if "fspath" not in options:
            yield NOT_REPLAYED
            return
        place = "/mt" if options["fspath"].startswith("/var") else "/tmp/mt"
        with pytest.raises(KernelPanic):
            self.kernel.nmount([(name, value.replace("/MT", place)) for name, value in options.items()])
        yield from ()

    def ruleset_0(self, case: Case) -> Iterator[str]:
        """A number like others."""
        self._on_devfs()
        yield from self.compare(case, answer(lambda: self.kernel.add_rule(self._devfs, 0, Rule(hide=True))))

    def users(self, case: Case) -> Iterator[str]:
        """Whether ordinary users may mount."""
        name, _, value = case.out.partition(": ")
        yield from same(self.kernel.sysctl_number(name), int(value))

    def _mount(self, path: str) -> None:
        self.kernel.nmount(parameters({"fstype": "tmpfs", "fspath": path}))

    def _on_devfs(self) -> None:
        if self._devfs < 0:
            self.kernel.nmount(parameters({"fstype": "devfs", "fspath": "/MT/t"}))
            self._devfs = self.kernel.open("/tmp/mt/t", _DIRECTORY)

    _table = (
        (r"nmount (no errmsg|errmsg 10|.*)", nmount),
        (r"as nobody", as_nobody),
        (r"two mounts", stacked),
        (r"unmount not mounted", not_mounted),
        (r"unmount (with|relative|through)", other_spelling),
        (r"unmount a directory", below_a_mount),
        (r"unmount EBUSY", busy),
        (r"unmount FORCE", forced),
        (r"  fd after", after_force),
        (r"outer unmount", outer_first),
        (r"  then inner", inner_then),
        (r"unmount BYFSID", by_fsid),
        (r".*UPDATE", update),
        (r"SGETNEXT", rulesets),
        (r"  ls( after.*)?$", listing),
        (r"devfs ioctl on", other_descriptor),
        (r"devfs ioctl", devfs_ioctl),
        (r"  devfs rule -s 77", shown_rules),
        (r"mounts from inside", inside),
        (r"tmpfs mount inside", refused_inside),
        (r"left mounts", left_mounts),
        (r"RADD to ruleset 0", ruleset_0),
        (r"vfs.usermount", users),
        (r"nullfs( into a child|: target is parent)", into_itself),
        (r"nullfs", panic),
    )  # fmt: skip


_PLAIN = {"null", "zero", "random", "urandom", "console", "mem", "fd", "stdin"}
_IOCTLS = {
    "SUSE 0": lambda kernel, devfs: kernel.use_ruleset(devfs, 0),
    "SUSE 1 (hide all)": lambda kernel, devfs: kernel.use_ruleset(devfs, 1),
    "SAPPLY 1": lambda kernel, devfs: kernel.apply_ruleset(devfs, 1),
    "RAPPLY path null unhide mode 0600": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("null", False, 0o600)),
    "RAPPLY path zero unhide (no mode)": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("zero", False)),
    "RAPPLY uid gid on null": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("null", uid=1001, gid=1002)),
    "RAPPLY path 'pts/*' unhide": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("pts/*", False)),
    "RAPPLY path 'pts' unhide": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("pts", False)),
    "RAPPLY path with no match 'nosuch'": lambda kernel, devfs: kernel.apply_rule(devfs, Rule("nosuch", False)),
    "RAPPLY include ruleset 2": lambda kernel, devfs: kernel.apply_rule(devfs, Rule(include=2)),
    "RAPPLY include ruleset 99 (missing)": lambda kernel, devfs: kernel.apply_rule(devfs, Rule(include=99)),
    "RAPPLY no condition, no action": lambda kernel, devfs: kernel.apply_rule(devfs, Rule()),
    "RADD ruleset 77 hide": lambda kernel, devfs: kernel.add_rule(devfs, 77, Rule(hide=True)),
    "RADD ruleset 77 unhide null": lambda kernel, devfs: kernel.add_rule(devfs, 77, Rule("null", False)),
    "RADD ruleset 77 rule 500 unhide zero mode 644": lambda kernel, devfs: kernel.add_rule(
        devfs, 77, Rule("zero", False, 0o644, number=500)
    ),
    "RADD same rule number again": lambda kernel, devfs: kernel.add_rule(devfs, 77, Rule(hide=True, number=500)),
    "SUSE of missing 98": lambda kernel, devfs: kernel.use_ruleset(devfs, 98),
    "SAPPLY of missing 98": lambda kernel, devfs: kernel.apply_ruleset(devfs, 98),
    "RDEL 77/500": lambda kernel, devfs: kernel.delete_rule(devfs, 77, 500),
    "RDEL again": lambda kernel, devfs: kernel.delete_rule(devfs, 77, 500),
    "RADD ruleset 0": lambda kernel, devfs: kernel.add_rule(devfs, 0, Rule(hide=True)),
}
_MOUNTS_INSIDE = {
    "mount tmpfs /n1": {"fstype": "tmpfs", "fspath": "/n1"},
    "mount devfs /n2": {"fstype": "devfs", "fspath": "/n2"},
    "devfs ruleset=1 in jail": {"fstype": "devfs", "fspath": "/n2", "ruleset": "1"},
    "procfs not allowed": {"fstype": "procfs", "fspath": "/n2"},
    "nullfs": {"fstype": "nullfs", "fspath": "/n3", "from": "/n1"},
}
