"""Tests of runjd.runtime.freebsd.run: paths that lead elsewhere, before or while they are used."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runjd.errors import RunjdError, RuntimeFailure
from runjd.runtime.contract import Held
from runjd.spec.model import FreeBSDDevice, FreeBSDJail, JailAllow, Mount
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import DIRECTORY, ROOT, Machine

DEV = Mount("/dev", "devfs", "devfs", ("ruleset=4",))


@pytest.mark.parametrize("readonly", [False, True])
def test_a_bundle_that_is_reached_by_a_link_is_a_bundle(readonly: bool) -> None:
    """As below /home, which is /usr/home: the kernel tells real paths of mounts and jails, and we compare those."""
    machine = Machine()
    machine.kernel.make_link("/srv", "/home")
    machine.kernel.make_link("/var/run", "/run")
    before = machine.snapshot()
    given = config(None, DEV, Mount("/tmp", "tmpfs", "tmpfs", ("tmpcopyup",)), readonly=readonly)
    plan = machine.runtime.plan(given, "/home/web", "web", "/run/runj/web")
    machine.runtime.prepare(plan, machine.undo.append)
    pid = machine.runtime.fork(plan)
    with machine.kernel.acting_as(pid):
        machine.runtime.enter(plan, machine.undo.append, machine.hooked.append)
    seen = machine.kernel.process(pid)
    assert seen is not None
    held = Held("web", pid, seen.start_time, "boot", "/home/web/root", tuple(machine.undo), machine.runtime.jid())
    path = machine.kernel.jail_get((("name", "web"),), ("path",))["path"]

    assert plan.root == "/home/web/root"
    assert path == (f"{DIRECTORY}/root" if readonly else ROOT)
    assert machine.runtime.processes(held) == (pid,)
    machine.runtime.remove(held)
    assert machine.snapshot() == before


def test_a_ruleset_for_what_a_jail_mounts_itself_must_be_loaded() -> None:
    """Its devfs would show every device, as that of a mount does."""
    machine = Machine()
    del machine.kernel.state.rulesets[4]
    jail = FreeBSDJail(enforce_statfs=1, allow=JailAllow(mount=("tmpfs", "devfs")))

    with pytest.raises(RuntimeFailure) as raised:
        machine.prepare(config(jail))

    assert raised.value.path == "freebsd.jail.allow.mount[1]"
    assert "devfs ruleset 4 is not loaded" in str(raised.value)


def exchanging(
    machine: Machine, call: str, when: Callable[[tuple[object, ...]], bool], act: Callable[[], None]
) -> None:
    """Let somebody act right after a call, once."""
    original = getattr(machine.kernel, call)
    acted: list[bool] = []

    def called(*arguments: object, **options: object) -> object:
        result = original(*arguments, **options)
        if not acted and when(arguments):
            acted.append(True)
            act()
        return result

    setattr(machine.kernel, call, called)


def test_no_rule_is_applied_to_the_devices_of_the_host() -> None:
    """Who exchanges /dev of the jail by a link gets nothing: links are not followed out of the root."""
    machine = Machine()
    modes = {name: machine.kernel.stat(f"/dev/{name}").st_mode for name in machine.kernel.listdir("/dev")}

    def act() -> None:
        machine.kernel.unmount(f"{ROOT}/dev")
        machine.kernel.rmdir(f"{ROOT}/dev")
        machine.kernel.symlink("/../../../dev", f"{ROOT}/dev")

    exchanging(machine, "getfsstat", lambda _: f"{ROOT}/dev" in str(machine.kernel.state.mounts[-1].target), act)
    with pytest.raises(RunjdError):
        machine.prepare(config(None, DEV, devices=(FreeBSDDevice("mem", 0o666),)))

    assert {name: machine.kernel.stat(f"/dev/{name}").st_mode for name in machine.kernel.listdir("/dev")} == modes


def test_a_devfs_that_is_no_more_gets_no_rules() -> None:
    """The directory is there, and is something else."""
    machine = Machine()
    exchanging(
        machine,
        "getfsstat",
        lambda _: machine.kernel.state.mounts[-1].target == f"{ROOT}/dev",
        lambda: machine.kernel.unmount(f"{ROOT}/dev"),
    )

    with pytest.raises(RuntimeFailure) as raised:
        machine.prepare(config(None, DEV, devices=(FreeBSDDevice("mem"),)))

    assert raised.value.path in ("freebsd.devices[0]", "mounts[0]")


def test_nothing_is_copied_up_from_or_to_the_host() -> None:
    """The place is exchanged by a link once it was found; what is opened is beneath the root, or an error."""
    machine = Machine()
    machine.kernel.make_tree("/secret/cache", f"{ROOT}/var/cache")
    machine.kernel.make_file("/secret/cache/key", b"of the host\n")
    machine.kernel.make_file(f"{ROOT}/var/cache/mine", b"of the image\n")

    def act() -> None:
        machine.kernel.rename(f"{ROOT}/var", f"{ROOT}/aside")
        machine.kernel.symlink("/../../../secret", f"{ROOT}/var")

    exchanging(machine, "getfsstat", lambda _: machine.kernel.state.mounts[-1].type == "tmpfs", act)
    with pytest.raises(RunjdError):
        machine.prepare(config(None, Mount("/var/cache", "tmpfs", "tmpfs", ("tmpcopyup",))))

    assert machine.kernel.listdir("/secret/cache") == ["key"]


def test_what_is_copied_up_keeps_its_owner_and_mode() -> None:
    """Directories, files and links, in the tmpfs itself; nothing is left elsewhere."""
    machine = Machine()
    machine.kernel.make_tree(f"{ROOT}/var/db")
    machine.kernel.make_file(f"{ROOT}/var/db/file", b"of the image\n")
    machine.kernel.make_link("file", f"{ROOT}/var/db/link")
    machine.kernel.chown(f"{ROOT}/var/db/file", 5, 6)
    machine.kernel.chmod(f"{ROOT}/var/db/file", 0o640)
    machine.kernel.chown(f"{ROOT}/var/db", 7, 8)
    before = machine.kernel.listdir("/")

    machine.prepare(config(None, Mount("/var", "tmpfs", "tmpfs", ("tmpcopyup",))))

    seen = machine.kernel.stat(f"{ROOT}/var/db/file")
    assert (seen.st_uid, seen.st_gid, seen.st_mode & 0o7777) == (5, 6, 0o640)
    assert machine.kernel.stat(f"{ROOT}/var/db").st_uid == 7
    assert machine.kernel.readlink(f"{ROOT}/var/db/link") == "file"
    assert machine.kernel.statfs(f"{ROOT}/var/db/file").type == "tmpfs"
    assert machine.kernel.listdir("/") == before


def test_who_passes_a_directory_on_is_told_why_nobody_enters() -> None:
    """jail_attach(2) is EPERM while any directory is open; a caller may have passed one (``--preserve-fds``)."""
    machine = Machine()
    plan = machine.prepare(config())
    pid = machine.runtime.fork(plan)
    with machine.kernel.acting_as(pid):
        passed = machine.kernel.open("/srv/data", 0)
        with pytest.raises(RuntimeFailure, match=f"descriptor {passed} is a directory"):
            machine.runtime.enter(plan, machine.undo.append, machine.hooked.append)
