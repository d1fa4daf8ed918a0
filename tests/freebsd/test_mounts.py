"""Mounts: tmpfs, nullfs and devfs; what is refused; how they are taken away."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from runjd.kernel.freebsd import mount as m


def test_a_tmpfs_is_mounted_with_its_options(machine, directory) -> None:
    """Mode and owner are those of its root; statfs tells its type, source and mount point."""
    machine.kernel.nmount(
        [("fstype", "tmpfs"), ("fspath", directory), ("size", "1m"), ("mode", "1770"), ("uid", "7"), ("nosuid", True)]
    )
    found, status = machine.kernel.statfs(directory), machine.kernel.stat(directory)
    machine.kernel.unmount(directory)

    assert (found.type, found.source, found.target) == ("tmpfs", "tmpfs", os.path.realpath(directory))
    assert found.flags & (m.MNT_NOSUID | m.MNT_RDONLY) == m.MNT_NOSUID
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o1770, 7)


def test_an_open_file_tells_the_file_system_that_it_is_on(machine, directory) -> None:
    """Whatever is mounted over its path by now."""
    machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory)])
    with machine.opened(directory) as below:
        lower = machine.kernel.fstatfs(below)
        machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory)])
        upper = machine.kernel.statfs(directory)
        again = machine.kernel.fstatfs(below)
        machine.kernel.unmount(directory)
    machine.kernel.unmount(directory)

    assert lower == again
    assert lower.fsid != upper.fsid
    assert (lower.type, upper.type) == ("tmpfs", "tmpfs")


def test_an_unknown_option_is_refused_by_name(machine, directory) -> None:
    """By tmpfs; nullfs would take it silently."""
    with pytest.raises(OSError, match="mount option <zork> is unknown"):
        machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory), ("zork", "1")])


def test_a_nullfs_shows_a_directory_read_only(machine, directory) -> None:
    """What is there is seen, nothing can be made; the mount is busy while it is open."""
    source, target = f"{directory}/source", f"{directory}/target"
    for path in (source, target):
        machine.kernel.mkdir(path)
    machine.make_file(f"{source}/file")
    machine.kernel.nmount([("fstype", "nullfs"), ("fspath", target), ("from", source), ("ro", True)])
    shown = machine.kernel.listdir(target)
    with pytest.raises(OSError, match="Read-only"):
        machine.kernel.mkdir(f"{target}/new")
    with machine.opened(target), pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        machine.kernel.unmount(target)
    machine.kernel.unmount(target)

    assert shown == ["file"]
    assert machine.kernel.listdir(target) == []


def test_what_is_not_there_cannot_be_mounted(machine, directory) -> None:
    """A missing source is an error, whichever the kernel calls it."""
    with pytest.raises(OSError, match=r"Invalid|No such") as caught:
        machine.kernel.nmount([("fstype", "nullfs"), ("fspath", directory), ("from", f"{directory}/none")])
    assert caught.value.filename == directory


def test_a_devfs_hides_by_its_ruleset(machine, directory) -> None:
    """Ruleset 4 leaves what a jail may have; without one everything is shown."""
    if 4 not in _rulesets(machine, directory):
        pytest.skip("the rulesets of /etc/defaults/devfs.rules are not loaded: service devfs start")
    machine.kernel.nmount([("fstype", "devfs"), ("fspath", directory), ("ruleset", "4")])
    shown = set(machine.kernel.listdir(directory))
    machine.kernel.unmount(directory)
    machine.kernel.nmount([("fstype", "devfs"), ("fspath", directory)])
    everything = set(machine.kernel.listdir(directory))
    machine.kernel.unmount(directory)

    assert {"null", "zero", "urandom", "stdin"} <= shown
    assert not {"mem", "kmem", "console"} & shown
    assert {"mem", "console", "null"} <= everything


def test_nothing_is_mounted_there(machine, directory) -> None:
    """To take away what is not mounted, or is not there at all, is EINVAL."""
    for path in (directory, f"{directory}/none"):
        with pytest.raises(OSError, match="Invalid argument"):
            machine.kernel.unmount(path)


def test_force_takes_a_busy_mount_away(machine, directory) -> None:
    """What is open there is worth nothing afterwards."""
    machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory)])
    machine.kernel.mkdir(f"{directory}/inside")
    descriptor = machine.kernel.open(f"{directory}/inside", os.O_RDONLY | os.O_DIRECTORY)
    with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        machine.kernel.unmount(directory)
    machine.kernel.unmount(directory, m.MNT_FORCE)

    with pytest.raises(OSError, match="Bad file descriptor"):
        machine.kernel.fstat(descriptor)
    machine.kernel.close(descriptor)


def test_a_mount_is_taken_away_by_its_own_name(machine, directory) -> None:
    """Two mounts on one directory are told apart by their fsid; an unknown one is ENOENT."""
    for _ in range(2):
        machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory)])
    target = os.path.realpath(directory)
    lower, upper = (mount.fsid for mount in machine.kernel.getfsstat() if mount.target == target)
    machine.kernel.unmount_fsid(upper)

    assert machine.kernel.statfs(directory).fsid == lower
    machine.kernel.unmount_fsid(lower)
    with pytest.raises(FileNotFoundError):
        machine.kernel.unmount_fsid(lower)


def test_a_tmpfs_becomes_read_only_and_back(machine, directory) -> None:
    """By MNT_UPDATE; a nullfs cannot be changed."""
    tmpfs = [("fstype", "tmpfs"), ("fspath", directory)]
    machine.kernel.nmount(tmpfs)
    machine.kernel.nmount([*tmpfs, ("ro", True)], m.MNT_UPDATE)
    assert machine.kernel.statfs(directory).flags & m.MNT_RDONLY
    machine.kernel.nmount([*tmpfs, ("rw", True)], m.MNT_UPDATE)
    assert not machine.kernel.statfs(directory).flags & m.MNT_RDONLY
    machine.kernel.unmount(directory)


def test_the_root_of_a_jail_is_busy(machine, jail, directory) -> None:
    """It can be taken away when the jail is gone."""
    machine.kernel.nmount([("fstype", "tmpfs"), ("fspath", directory)])
    jid = jail()
    with pytest.raises(OSError, match=os.strerror(errno.EBUSY)):
        machine.kernel.unmount(directory)
    machine.kernel.jail_remove(jid)
    machine.kernel.unmount(directory)


def _rulesets(machine, directory: str) -> list[int]:
    machine.kernel.nmount([("fstype", "devfs"), ("fspath", directory)])
    try:
        with machine.opened(directory) as devfs:
            return machine.kernel.rulesets(devfs)
    finally:
        machine.kernel.unmount(directory)
