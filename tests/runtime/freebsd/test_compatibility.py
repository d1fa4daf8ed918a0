"""Tests of runjd.runtime.freebsd.compatibility: bundles written with Linux in mind."""

import pytest

from runjd.runtime.freebsd.compatibility import Adapted, adapt_mounts
from runjd.spec.example import default_mounts
from runjd.spec.model import Mount
from tests.runtime.freebsd.configs import config

#: what containerd writes into every bundle
_CONTAINERDS = (
    Mount("/proc", "proc", "proc", ("nosuid", "noexec", "nodev")),
    Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    Mount("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    Mount("/dev/shm", "tmpfs", "shm", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    Mount("/dev/mqueue", "mqueue", "mqueue", ("nosuid", "noexec", "nodev")),
    Mount("/sys", "sysfs", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
    Mount("/run", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
)


def test_what_containerd_writes_into_every_bundle_leaves_a_devfs() -> None:
    """Its /dev becomes the devfs that a jail needs; each keeps its place in mounts, for messages."""
    found = adapt_mounts(config(None, Mount("/srv", "bind", "/srv"), *_CONTAINERDS))

    assert found.mounts == (
        (0, Mount("/srv", "bind", "/srv")),
        (2, Mount("/dev", "devfs", "devfs", ("ruleset=4",))),
    )
    assert found.left_out == (
        "proc on /proc", "devpts on /dev/pts", "tmpfs on /dev/shm", "mqueue on /dev/mqueue", "sysfs on /sys",
        "tmpfs on /run",
    )  # fmt: skip


def test_our_own_linux_example_is_adapted_too() -> None:
    """As are the bundles of podman and of runc spec, with their cgroup mount."""
    mounts = [
        Mount(str(each["destination"]), str(each["type"]), str(each["source"]), tuple(each["options"]))  # type: ignore[arg-type]
        for each in default_mounts()
    ]
    cgroup = Mount("/sys/fs/cgroup", "cgroup", "cgroup", ("nosuid", "ro"))

    assert [each for _, each in adapt_mounts(config(None, *mounts, cgroup)).mounts] == [
        Mount("/dev", "devfs", "devfs", ("ruleset=4",))
    ]


@pytest.mark.parametrize(
    "mount",
    [
        Mount("/dev", "devfs", "devfs", ("ruleset=5",)),
        Mount("/proc", "procfs", "proc"),
        Mount("/run", "tmpfs", "tmpfs", ("size=1m",)),
        Mount("/compat/linux/proc", "proc", "proc"),
        Mount("/cgroup", "cgroup", "cgroup"),
        Mount("/tmp", "tmpfs", "tmpfs"),
    ],
)
def test_what_somebody_meant_stays(mount: Mount) -> None:
    """What FreeBSD has not, at a place where no Linux container has it by default, is refused later on by its path."""
    assert adapt_mounts(config(None, mount)) == Adapted(((0, mount),), ())
