"""Tests of runjd.runtime.freebsd.mounts and its devfs rules."""

from __future__ import annotations

import pytest

from runjd.errors import SpecError, Unsupported
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.devfs_rules import parse_rule
from runjd.runtime.freebsd.mounts import devfs_of, plan_devices, plan_mount
from runjd.runtime.freebsd.options import Options
from runjd.spec.model import FreeBSDDevice, IdMapping, Mount


def steps(mount: Mount, *, mounts_files: bool = False) -> list[object]:
    """Return the steps of a mount, the third of its bundle."""
    return list(plan_mount(mount, 2, "/bundle", mounts_files))


@pytest.mark.parametrize("kind", ["nullfs", "bind", ""])
def test_a_bind_is_a_nullfs(kind: str) -> None:
    """Its source is relative to the bundle."""
    assert steps(Mount("/srv//data/.", kind, "data", ("ro",))) == [
        s.BindMount("/srv/data", "/bundle/data", Options((("ro", ""),)), False, "mounts[2]")
    ]


def test_single_files_are_mounted_only_where_that_was_asked_for() -> None:
    """nullfs of a file over a file panics some kernels (13.2, seen)."""
    [step] = steps(Mount("/etc/hosts", "nullfs", "/srv/hosts"), mounts_files=True)

    assert isinstance(step, s.BindMount)
    assert step.mounts_files


@pytest.mark.parametrize("kind", ["tmpfs", "fdescfs", "procfs", "linprocfs", "linsysfs"])
def test_a_file_system_is_loaded_before_it_is_mounted(kind: str) -> None:
    """One that is not there would be told as "Invalid fstype"."""
    assert steps(Mount("/mnt", kind, kind)) == [
        s.LoadFileSystem(kind, "mounts[2].type"),
        s.MountFileSystem("/mnt", kind, Options(), "mounts[2]"),
    ]


def test_a_devfs_gets_the_ruleset_of_jails_unless_it_names_one() -> None:
    """Without a ruleset, and with one that is not loaded, it would show every device of the host."""
    assert steps(Mount("/dev", "devfs", "devfs")) == [
        s.LoadFileSystem("devfs", "mounts[2].type"),
        s.CheckRuleset(4, "mounts[2]"),
        s.MountFileSystem("/dev", "devfs", Options((("ruleset", "4"),), ruleset=4), "mounts[2]"),
    ]
    assert s.CheckRuleset(5, "mounts[2].options[1]") in steps(Mount("/dev", "devfs", "devfs", ("ro", "ruleset=5")))


def test_ruleset_0_shows_everything_because_somebody_said_so() -> None:
    """It is the host's devfs as it is."""
    assert [type(each) for each in steps(Mount("/dev", "devfs", "", ("ruleset=0",)))] == [
        s.LoadFileSystem,
        s.MountFileSystem,
    ]


def test_rules_of_a_devfs_are_applied_behind_its_mount() -> None:
    """In their order, each with its place."""
    found = steps(Mount("/dev", "devfs", "", ("rule=path pf unhide", "rule=path bpf* unhide mode 0640 group 44")))

    assert found[-2:] == [
        s.ApplyDeviceRule("/dev", "pf", True, path="mounts[2].options[0]"),
        s.ApplyDeviceRule("/dev", "bpf*", True, 0o640, None, 44, "mounts[2].options[1]"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected a rule"),
        ("path pf", "expected a rule"),
        ("type disk hide", "expected a rule"),
        ("path pf show", '"show" is none of'),
        ("path pf mode 999", "expected an octal mode"),
        ("path pf mode", "expected an octal mode"),
        ("path pf user root", "expected a number"),
        ("path pf group -1", "expected a number"),
        (f"path {'p' * 200} hide", "longer than 199 bytes"),
    ],
)
def test_a_wrong_rule_is_refused(text: str, words: str) -> None:
    """With the place of its option."""
    with pytest.raises(SpecError) as raised:
        parse_rule(text, "/dev", "mounts[0].options[3]")

    assert raised.value.path == "mounts[0].options[3]"
    assert words in raised.value.reason


@pytest.mark.parametrize(
    ("mount", "path"),
    [
        (Mount("/", "tmpfs"), "mounts[2].destination"),
        (Mount("/mnt", "ext4", "/dev/sda"), "mounts[2].type"),
        (Mount("/mnt", "bind"), "mounts[2].source"),
        (Mount("/mnt", "bind", "/a", (), (IdMapping(0, 1, 1),)), "mounts[2].uidMappings"),
    ],
)
def test_what_cannot_be_mounted_is_refused_by_its_path(mount: Mount, path: str) -> None:
    """Before anything is done."""
    with pytest.raises(SpecError) as raised:
        steps(mount)

    assert raised.value.path == path
    if path.endswith("type"):
        assert isinstance(raised.value, Unsupported)


def test_devices_are_shown_in_the_devfs_of_the_jail() -> None:
    """A directory on the way must be seen for the device to be; only the device gets the mode."""
    assert list(plan_devices((FreeBSDDevice("pf", 0o600), FreeBSDDevice("zvol/tank/db")), "/dev")) == [
        s.ApplyDeviceRule("/dev", "pf", True, 0o600, path="freebsd.devices[0]"),
        s.ApplyDeviceRule("/dev", "zvol", True, path="freebsd.devices[1]"),
        s.ApplyDeviceRule("/dev", "zvol/tank", True, path="freebsd.devices[1]"),
        s.ApplyDeviceRule("/dev", "zvol/tank/db", True, path="freebsd.devices[1]"),
    ]


def test_devices_without_a_devfs_are_an_error() -> None:
    """They would not be there, and nobody would say so."""
    with pytest.raises(SpecError, match=r"^freebsd\.devices\[0\]: needs a devfs"):
        list(plan_devices((FreeBSDDevice("pf"),), ""))


def test_the_devfs_on_dev_is_the_jails_own() -> None:
    """Others (for a chroot inside of it) do not count while there is one."""
    other = (0, Mount("/srv/dev", "devfs", "", ("ruleset=5",)))
    own = (1, Mount("/dev/", "devfs", "", ("ruleset=6",)))

    assert devfs_of([other, own]) == ("/dev", 6)
    assert devfs_of([other]) == ("/srv/dev", 5)
    assert devfs_of([]) == ("", 4)
