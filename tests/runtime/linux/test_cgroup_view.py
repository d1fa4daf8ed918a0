"""The cgroup mount of a bundle, on hosts of each version."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel import mount as m
from runjd.runtime.linux.cgroup.hierarchies import parse_groups
from runjd.runtime.linux.cgroup.view import mount_cgroups
from runjd.runtime.linux.steps import MountCgroups

STEP = MountCgroups("/sys/fs/cgroup", m.MS_RDONLY | m.MS_NOSUID, m.MOUNT_ATTR_RDONLY, ("nosuid", "ro"), "mounts[6]")


class Host:
    """A kernel and a root of which only what the cgroup mount needs is there; ``paths`` exist on it."""

    def __init__(self, groups: str, *paths: str) -> None:
        self.done: list[tuple[Any, ...]] = []
        self._groups = groups
        self._paths = paths

    def read(self, descriptor: int, size: int) -> bytes:
        return self._groups.encode()

    def stat(self, path: str) -> None:
        if path not in self._paths:
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    def mount_point(self, path: str, is_directory: bool) -> int:
        return 4

    def find(self, path: str) -> int:
        return 5

    def mount(self, source: str, target: str, kind: str, flags: int, data: str | None) -> None:
        self.done.append(("mount", kind, data, bool(flags & m.MS_RDONLY)))

    def copy_tree(self, path: str, recursive: bool) -> int:
        self.done.append(("bind", path))
        return 6

    def mkdir(self, name: str, mode: int, *, dir_fd: int) -> None:
        self.done.append(("mkdir", name))

    def symlink(self, target: str, name: str, *, dir_fd: int) -> None:
        self.done.append(("link", name, target))

    def set_attributes(self, descriptor: int, set: int, clear: int, propagation: int = 0) -> None:
        self.done.append(("attributes", set))

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: 7


def mounted(host: Host, has_namespace: bool) -> list[tuple[Any, ...]]:
    mount_cgroups(host, host, STEP, has_namespace)  # type: ignore[arg-type]
    return host.done


def test_version_2_is_one_mount() -> None:
    """With a namespace of its own a jail gets a cgroup2 file system, which shows its own groups only."""
    host = Host("0::/\n", "/sys/fs/cgroup/cgroup.controllers")

    assert mounted(host, True) == [("mount", "cgroup2", None, True)]


def test_version_2_without_a_namespace_is_a_bind() -> None:
    """Without a namespace the directory of the jail's own group is bound, read-only where asked."""
    host = Host("0::/user.slice/x\n", "/sys/fs/cgroup/cgroup.controllers")

    assert mounted(host, False) == [
        ("bind", "/sys/fs/cgroup/user.slice/x"),
        ("attributes", m.MOUNT_ATTR_RDONLY),
    ]


def test_version_1_is_a_directory_for_each_hierarchy() -> None:
    """Each hierarchy that the host has mounted gets a directory, and joint controllers a link each."""
    groups = "4:cpu,cpuacct:/\n2:name=systemd:/\n3:rdma:/\n0::/\n"
    host = Host(groups, "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified")

    assert mounted(host, True) == [
        ("mount", "tmpfs", "mode=755,size=64k", False),
        ("mkdir", "cpu,cpuacct"),
        ("mount", "cgroup", "cpu,cpuacct", True),
        ("link", "cpu", "cpu,cpuacct"),
        ("link", "cpuacct", "cpu,cpuacct"),
        ("mkdir", "systemd"),
        ("mount", "cgroup", "name=systemd", True),
        ("mkdir", "unified"),
        ("mount", "cgroup2", None, True),
        ("attributes", m.MOUNT_ATTR_RDONLY),
    ]


def test_host_without_control_groups_is_an_error() -> None:
    """Where the host has none mounted nothing is pretended."""
    with pytest.raises(OSError, match="no control groups"):
        mounted(Host("0::/\n"), True)


NAMES = st.text("abc=,", max_size=6)


@given(st.dictionaries(NAMES, st.text("/abc:", max_size=9).map("/".__add__), max_size=5))
def test_own_groups_are_read(groups: dict[str, str]) -> None:
    """/proc/self/cgroup gives the path of each hierarchy, colons in it included."""
    text = "".join(f"{number}:{name}:{path}\n" for number, (name, path) in enumerate(groups.items()))

    assert parse_groups(text) == groups
