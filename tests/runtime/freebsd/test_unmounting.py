"""Tests of runjd.runtime.freebsd.unmounting: what is ours goes, what is in it and a stranger's stays."""

from __future__ import annotations

import pytest

from runjd.errors import RuntimeFailure
from runjd.runtime.contract import Held
from runjd.spec.model import FreeBSDJail, JailAllow, Mount
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import ROOT, Machine

MOUNTS = FreeBSDJail(enforce_statfs=1, allow=JailAllow(mount=("tmpfs",)))
TMP = Mount("/tmp", "tmpfs", "tmpfs")


def mount(machine: Machine, path: str, kind: str = "tmpfs", source: str = "tmpfs", pid: int = 0) -> None:
    """Mount as the host's administrator, or as a process of a jail."""
    options = (("fstype", kind), ("fspath", path), ("from", source))
    if not pid:
        machine.kernel.nmount(options)
        return
    with machine.kernel.acting_as(pid):
        machine.kernel.nmount(options)


def targets(machine: Machine) -> list[str]:
    """Return where something is mounted, besides what the machine begins with."""
    return [each.target for each in machine.kernel.getfsstat()][2:]


@pytest.mark.parametrize("readonly", [False, True])
def test_what_a_jail_mounted_itself_goes_with_it(readonly: bool) -> None:
    """The kernel leaves it there, and busy would be whatever is below."""
    machine = Machine()
    before = machine.snapshot()
    held = machine.start(config(MOUNTS, TMP, readonly=readonly))
    for path in ("/etc", "/tmp", "/etc"):
        mount(machine, path, pid=held.pid)

    machine.runtime.remove(held)

    assert machine.snapshot() == before


def test_after_a_jail_that_somebody_removed_its_mounts_are_taken_away() -> None:
    """jail(8) leaves them, too."""
    machine = Machine()
    held = machine.start(config(MOUNTS))
    mount(machine, "/etc", pid=held.pid)
    machine.kernel.jail_remove(held.jid)

    machine.runtime.remove(held)

    assert targets(machine) == []


def test_what_was_mounted_in_the_root_before_stays() -> None:
    """And so does what the jail could not have mounted, or is elsewhere."""
    machine = Machine()
    mount(machine, f"{ROOT}/etc")
    held = machine.start(config(MOUNTS))
    mount(machine, f"{ROOT}/tmp", "nullfs", "/srv/data")
    machine.kernel.make_tree(f"{ROOT}2")
    mount(machine, f"{ROOT}2")

    machine.runtime.remove(held)

    assert targets(machine) == [f"{ROOT}/etc", f"{ROOT}/tmp", f"{ROOT}2"]


def test_while_another_jail_lives_in_the_root_nobody_can_tell_whose_a_mount_is() -> None:
    """So it stays."""
    machine = Machine()
    held = machine.start(config(MOUNTS))
    machine.kernel.jail_set((("name", "other"), ("path", ROOT), ("persist", True)), 1)
    mount(machine, f"{ROOT}/etc")

    machine.runtime.remove(held)

    assert targets(machine) == [f"{ROOT}/etc"]


@pytest.mark.parametrize("where", ["/tmp", "/tmp/inside"])
def test_nothing_is_forced_while_a_strangers_mount_is_in_it(where: str) -> None:
    """It would stay in the table where no path leads (seen on 13.2); it is named, and can be unmounted."""
    machine = Machine()
    held = machine.start(config(None, TMP))
    machine.kernel.make_tree(f"{ROOT}/tmp/inside")
    mount(machine, f"{ROOT}{where}", "nullfs", "/srv/data")

    with pytest.raises(RuntimeFailure, match=f"nullfs is mounted in it, on {ROOT}{where}; unmount that first"):
        machine.runtime.remove(held)

    assert targets(machine) == [f"{ROOT}/tmp", f"{ROOT}{where}"]
    machine.kernel.unmount(f"{ROOT}{where}")
    machine.runtime.remove(held)
    assert targets(machine) == []


def test_a_mount_of_the_same_kind_by_somebody_else_is_not_ours() -> None:
    """Ours is gone already; theirs has another source."""
    machine = Machine()
    held = machine.start(config(None, Mount("/tmp", "nullfs", "/srv/data")))
    machine.kernel.unmount(f"{ROOT}/tmp")
    machine.kernel.make_tree("/srv/theirs")
    mount(machine, f"{ROOT}/tmp", "nullfs", "/srv/theirs")

    machine.runtime.remove(held)

    assert targets(machine) == [f"{ROOT}/tmp"]


def test_a_record_that_says_nothing_harms_nobody() -> None:
    """It may be of another version."""
    machine = Machine()
    held = machine.start(config(MOUNTS, TMP))
    told = tuple(each._replace(target="{}") if "mount" in each.action else each for each in held.undo)

    machine.runtime.remove(Held(*held._replace(undo=told)))

    assert targets(machine) == [f"{ROOT}/tmp"]
