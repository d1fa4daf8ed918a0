"""Which hierarchies of control groups a host has, and where groups are in them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.runtime.linux.cgroup.hierarchies import Hierarchy, Host, group_directory, parse_host

HYBRID_MOUNTS = """\
23 1 8:1 / / rw - ext4 /dev/sda1 rw
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:4 - cgroup cgroup rw,cpuacct,cpu
36 31 0:33 / /sys/fs/cgroup/freezer rw,relatime - cgroup cgroup rw,freezer
40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
"""
HYBRID_GROUPS = "9:name=systemd:/x\n6:freezer:/\n1:cpu,cpuacct:/user.slice\n3:rdma:/\n0::/init\n"


def test_hybrid_host() -> None:
    """Version 1 first; a hierarchy that is not mounted is none; joint controllers are in any order."""
    assert parse_host(HYBRID_MOUNTS, HYBRID_GROUPS, lambda mount: "hugetlb io\n") == Host(
        (
            Hierarchy(1, ("cpu", "cpuacct"), "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct/user.slice"),
            Hierarchy(1, ("freezer",), "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/freezer"),
            Hierarchy(1, ("name=systemd",), "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/systemd/x"),
            Hierarchy(2, ("hugetlb", "io"), "/sys/fs/cgroup/unified", "/sys/fs/cgroup/unified/init"),
        )
    )


def test_controllers_are_found_where_they_are() -> None:
    """A controller is in one hierarchy, or absent."""
    host = parse_host(HYBRID_MOUNTS, HYBRID_GROUPS, lambda mount: "hugetlb io\n")

    found = [host.of(each) for each in ("cpuacct", "io", "memory")]
    assert [each and each.mount for each in found] == ["/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/unified", None]
    assert host.unified() == found[1]


@pytest.mark.parametrize(
    ("line", "group", "mount", "own"),
    [
        ("30 1 0:1 / /sys/fs/cgroup rw - cgroup2 none rw", "/a/b", "/sys/fs/cgroup", "/sys/fs/cgroup/a/b"),
        # in a container without a cgroup namespace only what is below its group is mounted
        ("30 1 0:1 /docker/1 /sys/fs/cgroup rw - cgroup2 none rw", "/docker/1/x", "/sys/fs/cgroup", "/sys/fs/cgroup/x"),
        ("30 1 0:1 /docker/1 /sys/fs/cgroup rw - cgroup2 none rw", "/docker/12", "/sys/fs/cgroup", "/sys/fs/cgroup"),
        # of a process that is outside of the cgroup namespace
        ("30 1 0:1 / /sys/fs/cgroup rw - cgroup2 none rw", "/../other", "/sys/fs/cgroup", "/sys/fs/cgroup"),
        (r"30 1 0:1 / /odd\040name\134 rw - cgroup2 none rw", "/", "/odd name\\", "/odd name\\"),
    ],
)
def test_own_group_is_found_below_the_mount_point(line: str, group: str, mount: str, own: str) -> None:
    """Whatever part of the hierarchy is mounted."""
    assert parse_host(line, f"0::{group}\n", lambda mount: "cpu").hierarchies == (Hierarchy(2, ("cpu",), mount, own),)


def test_hidden_mounts_do_not_count() -> None:
    """Where another mount lies upon a hierarchy, the next mount of it counts."""
    lines = "30 1 0:1 / /hidden rw - cgroup2 none rw\n31 1 0:1 / /shown rw - cgroup2 none rw\n"
    shown = {"/shown": "cpu"}

    assert [each.mount for each in parse_host(lines, "0::/\n", shown.get).hierarchies] == ["/shown"]


def test_of_mounts_upon_each_other_the_uppermost_counts() -> None:
    """Another part of the hierarchy there has other names, and what is no hierarchy has none."""
    lines = "30 1 0:1 / /cg rw - cgroup2 none rw\n31 30 0:1 /a /cg rw - cgroup2 none rw\n"
    hierarchy = Hierarchy(2, ("cpu",), "/cg", "/cg/b")

    assert parse_host(lines, "0::/a/b\n", lambda mount: "cpu").hierarchies == (hierarchy,)
    assert parse_host(lines + "32 31 0:2 / /cg rw - tmpfs none rw\n", "0::/a/b\n", lambda mount: "cpu") == Host(())


def test_what_is_mounted_read_only_is_none() -> None:
    """As in a container: nothing can be made there."""
    line = "30 1 0:1 / /sys/fs/cgroup ro,nosuid - cgroup2 none rw"

    assert parse_host(line, "0::/\n", lambda mount: "cpu") == Host(())


def test_the_first_of_several_mounts_counts() -> None:
    """A hierarchy may be mounted twice."""
    lines = "30 1 0:1 / /one rw - cgroup2 none rw\n31 1 0:1 / /two rw - cgroup2 none rw\n"

    assert [each.mount for each in parse_host(lines, "0::/\n", lambda mount: "").hierarchies] == ["/one"]


@pytest.mark.parametrize(
    ("path", "directory"),
    [
        ("/jails/web", "/cg/pids/jails/web"),
        ("jails/web", "/cg/pids/own/jails/web"),
        ("", "/cg/pids/own/web"),
        ("//jails/./web/../db//", "/cg/pids/jails/db"),
        ("/../../jails", "/cg/pids/jails"),
        ("../../../jails", "/cg/pids/own/jails"),
        ("machine.slice:runj:web", "/cg/pids/own/machine.slice:runj:web"),
    ],
)
def test_places_of_groups(path: str, directory: str) -> None:
    """Absolute below the mount point, relative below our own group, without a path the id; dots lead nowhere."""
    assert group_directory(Hierarchy(1, ("pids",), "/cg/pids", "/cg/pids/own"), path, "web") == directory


@pytest.mark.parametrize(
    ("own", "directory"),
    [("/cg/system.slice/runjd.service", "/cg/system.slice/runjd.service.jails/web"), ("/cg", "/cg/web")],
)
def test_groups_of_version_2_are_beside_our_own(own: str, directory: str) -> None:
    """A group with processes hands no controllers on, so what is relative is beside, but of the first."""
    assert group_directory(Hierarchy(2, ("memory",), "/cg", own), "", "web") == directory
    assert group_directory(Hierarchy(2, ("memory",), "/cg", own), "/jails/web", "web") == "/cg/jails/web"


@given(st.text("./ab\n", max_size=12))
def test_no_path_leads_out(path: str) -> None:
    """The group is below the hierarchy, and never the mount point or our own group, whatever the path."""
    hierarchy = Hierarchy(1, ("pids",), "/cg/pids", "/cg/pids/own")
    try:
        directory = group_directory(hierarchy, path, "web")
    except SpecError:
        return

    base = hierarchy.mount if path.startswith("/") else hierarchy.own
    assert directory.startswith(f"{base}/")
    assert ".." not in directory.split("/")
    assert len(directory) > len(base) + 1
    assert "\n" not in directory
