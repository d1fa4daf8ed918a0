"""A bundle becomes the steps that make its jail."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError, Unsupported
from runjd.kernel.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID
from runjd.runtime.contract import Plan
from runjd.runtime.linux import steps as s
from runjd.runtime.linux.plan import joined_pid_namespace, make_plan, new_namespaces
from runjd.runtime.linux.sysctl import plan_sysctl, sysctl_file
from runjd.spec.model import (
    Capabilities,
    Config,
    FreeBSD,
    IdMapping,
    Linux,
    LinuxDevice,
    Mount,
    Namespace,
    Root,
    TimeOffset,
)
from tests.runtime.driver import STANDARD_NAMESPACES, config

ALL_NEW = {each.type: "" for each in STANDARD_NAMESPACES}


def plan(config: Config) -> Plan:
    return make_plan(config, "/bundle", "web")


def words(config: Config) -> list[str]:
    return [str(step) for step in plan(config).jail_steps]


def test_whole_plan_can_be_read() -> None:
    """The plan of a small bundle, word for word."""
    small = config(
        hostname="web",
        root=Root("rootfs", readonly=True),
        mounts=(
            Mount("/proc", "proc", "proc", ("nosuid",)),
            Mount("/data", "bind", "data", ("rbind", "ro")),
        ),
        process={"oom_score_adj": 100},
        linux={"masked_paths": ("/proc/kcore",), "readonly_paths": ("/proc/sys",), "sysctl": (("net.x", "1"),)},
    )

    assert [each for each in words(small) if " /dev" not in each] == [
        "set oom_score_adj 100",
        "set hostname web",
        "bring interface lo up",
        "set net.x to 1",
        "part from the mounts of the host",
        "bind /bundle/rootfs on itself",
        "mount proc on /proc (nosuid)",
        "bind /bundle/data on /data (rbind,ro)",
        "mask /proc/kcore",
        "make /proc/sys read-only",
        "make / read-only",
        "pivot into /bundle/rootfs",
    ]


def test_a_root_may_be_moved_instead_of_pivoted() -> None:
    """It is the same plan but for the step that changes the root."""
    asked = config(root=Root("rootfs"), process={"cwd": "/srv"})
    pivoting, moving = plan(asked).jail_steps, make_plan(asked, "/bundle", "web", pivots=False).jail_steps

    assert [str(step) for step in (*pivoting[-2:], moving[-1])] == [
        "see that /srv is there",
        "pivot into /bundle/rootfs",
        "move /bundle/rootfs to /",
    ]
    assert moving[:-1] == pivoting[:-1]


def test_every_step_names_who_asked_for_it() -> None:
    """Steps that a property of the bundle asks for carry its JSON path."""
    asked = config(
        mounts=(Mount("/a", "tmpfs"), Mount("/b", "tmpfs")),
        linux={"devices": (LinuxDevice("c", "/dev/fuse", 10, 229),)},
    )
    paths = {str(each): each.path for each in plan(asked).jail_steps}  # type: ignore[attr-defined]

    assert paths["mount tmpfs on /b"] == "mounts[1]"
    assert paths["make /dev/fuse (c 10:229, mode 0666, owner 0:0)"] == "linux.devices[0]"
    assert paths["set hostname testjail"] == "hostname"


@pytest.mark.parametrize("path", ["/", "//", "/srv/..", "../"])
@pytest.mark.parametrize("pivots", [True, False])
def test_the_root_of_the_host_is_no_root_of_a_jail(path: str, pivots: bool) -> None:
    """However it is spelled, and before anything is made: the kernel would only say that it is busy."""
    with pytest.raises(Unsupported, match=r"^root\.path: is the root of the host, .*; name a directory") as caught:
        make_plan(config(root=Root(path)), "/bundle", "web", pivots=pivots)

    assert caught.value.path == "root.path"


def test_namespaces_are_made_in_the_fork() -> None:
    """New namespaces become flags of clone, those with a path are joined, absent ones are shared."""
    some = (Namespace("mount"), Namespace("pid"), Namespace("network", "/run/netns/blue"))
    made = plan(config(hostname="", linux={"namespaces": some}))

    assert new_namespaces(made) == CLONE_NEWNS | CLONE_NEWPID
    assert made.isolation == ("mount", "pid", "network=/run/netns/blue")
    assert s.JoinNamespace("network", "/run/netns/blue", CLONE_NEWNET, "linux.namespaces[2].path") in made.jail_steps
    assert not any(isinstance(each, s.BringUp) for each in made.jail_steps)


def test_pid_namespace_is_joined_before_the_fork() -> None:
    """A pid namespace with a path is no step of the child."""
    made = plan(config(hostname="", linux={"namespaces": (Namespace("mount"), Namespace("pid", "/proc/7/ns/pid"))}))

    assert joined_pid_namespace(made) == "/proc/7/ns/pid"
    assert not any(isinstance(each, s.JoinNamespace) for each in made.jail_steps)


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("linux.namespaces", {"namespaces": (Namespace("pid"),)}),
        ("linux.namespaces[0].path", {"namespaces": (Namespace("mount", "/proc/7/ns/mnt"),)}),
        ("linux.namespaces[1]", {"namespaces": (Namespace("mount"), Namespace("user"))}),
        ("linux.timeOffsets", {"time_offsets": (TimeOffset("boottime", 1),)}),
        ("linux.namespaces[1].type", {"namespaces": (Namespace("mount"), Namespace("mount"))}),
        ("linux.namespaces[1].path", {"namespaces": (Namespace("mount"), Namespace("network", "relative"))}),
        ("linux.uidMappings", {"uid_mappings": (IdMapping(0, 1000, 1),)}),
        ("linux.mountLabel", {"mount_label": 'l"'}),
        ("linux.rootfsPropagation", {"rootfs_propagation": "everywhere"}),
        ("linux.devices[0].major", {"devices": (LinuxDevice("c", "/dev/x"),)}),
        ("linux.devices[0].type", {"devices": (LinuxDevice("x", "/dev/x", 1, 1),)}),
        ("linux.devices[0].path", {"devices": (LinuxDevice("c", "/", 1, 1),)}),
        ("linux.sysctl.kernel.panic", {"sysctl": (("kernel.panic", "1"),)}),
    ],
)
def test_what_makes_no_sense_is_named(path: str, changes: dict[str, object]) -> None:
    """Faults of ``linux`` are told by their JSON path."""
    with pytest.raises(SpecError) as caught:
        plan(config(hostname="", linux=changes))

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("root", {"root": None}),
        ("linux", {"linux": None}),
        ("freebsd", {"freebsd": FreeBSD()}),
        ("mounts[0].uidMappings", {"mounts": (Mount("/x", "bind", "/y", uid_mappings=(IdMapping(0, 1, 1),)),)}),
    ],
)
def test_what_is_missing_or_foreign_is_named(path: str, changes: dict[str, object]) -> None:
    """Faults of the whole document are told by their JSON path."""
    with pytest.raises(SpecError) as caught:
        plan(config()._replace(**changes))  # type: ignore[arg-type]

    assert caught.value.path == path


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_names_need_a_namespace_of_their_own(field: str) -> None:
    """A host name without a uts namespace would be the host's."""
    shared = config(linux={"namespaces": (Namespace("mount"),)}, **{"hostname": "", field: "web"})

    with pytest.raises(SpecError, match="uts") as caught:
        plan(shared)

    assert caught.value.path == field


def test_device_of_the_bundle_replaces_the_default() -> None:
    """A default device that the bundle describes itself is made its way, once."""
    own = LinuxDevice("c", "/dev/null", 1, 3, 0o600, 5, 6)
    nulls = [each for each in words(config(linux={"devices": (own,)})) if each.startswith("make /dev/null")]

    assert nulls == ["make /dev/null (c 1:3, mode 0600, owner 5:6)"]


def test_devices_of_the_host_are_left_alone() -> None:
    """Where the host's /dev is bound nothing is made in it."""
    bound = config(
        mounts=(Mount("/dev", "bind", "/dev", ("rbind",)),),
        linux={"devices": (LinuxDevice("c", "/dev/fuse", 10, 229),)},
    )

    assert not any(isinstance(each, s.MakeDevice | s.MakeLink) for each in plan(bound).jail_steps)


def test_shared_source_is_held_before_its_peers_are_cut_off() -> None:
    """A bind that shall propagate to the host is copied while it is still a peer."""
    shared = words(config(mounts=(Mount("/data", "bind", "/srv", ("rbind", "rshared")),)))

    assert shared.index("take hold of /srv") < shared.index("part from the mounts of the host")


def test_device_makers_are_told() -> None:
    """A jail that keeps CAP_MKNOD is told what that means without a cgroup."""
    told = plan(config(process={"capabilities": Capabilities(bounding=("CAP_MKNOD",))})).notices

    assert "CAP_MKNOD" in told[0]
    assert plan(config()).notices == ()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("net.ipv4.ip_forward", "net/ipv4/ip_forward"),
        ("net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"),
        ("kernel.shmmax", "kernel/shmmax"),
    ],
)
def test_sysctl_separators(name: str, file: str) -> None:
    """The first separator of a name says which one it is, as for sysctl(8)."""
    assert sysctl_file(name) == file


@given(st.text("ab./-:\0 ", max_size=12).map("net.".__add__))
def test_sysctl_stays_below_proc_sys(name: str) -> None:
    """No name leads out of /proc/sys/net."""
    try:
        file = plan_sysctl(name, "1", ALL_NEW).file
    except SpecError:
        return

    assert file.startswith("net/")
    assert ".." not in file.split("/")


@pytest.mark.parametrize(
    ("name", "kind"), [("kernel.shmmax", "ipc"), ("fs.mqueue.msg_max", "ipc"), ("net.x", "network")]
)
def test_sysctl_needs_a_namespace(name: str, kind: str) -> None:
    """Without its namespace a parameter is the host's; whose one is that is joined only who joins it sees."""
    assert plan_sysctl(name, "1", ALL_NEW) == plan_sysctl(name, "1", {kind: "/proc/7/ns/x"})
    with pytest.raises(Unsupported, match=kind) as caught:
        plan_sysctl(name, "1", {each: "" for each in ALL_NEW if each != kind})

    assert caught.value.path == f"linux.sysctl.{name}"


def test_a_namespace_that_is_joined_for_a_sysctl_must_not_be_the_hosts() -> None:
    """The step that joins knows the first property for which the namespace has to be another's than the host's."""
    namespaces = (Namespace("mount"), Namespace("network", "/run/netns/a"), Namespace("ipc", "/proc/7/ns/ipc"))
    asked = (("net.x", "1"), ("net.y", "1"))
    made = plan(config(hostname="", linux={"namespaces": namespaces, "sysctl": asked}))
    joins = [each for each in made.jail_steps if isinstance(each, s.JoinNamespace)]

    assert [(each.kind, each.apart) for each in joins] == [("network", "linux.sysctl.net.x"), ("ipc", "")]


@given(st.sets(st.sampled_from([each.type for each in STANDARD_NAMESPACES])))
def test_any_set_of_namespaces_makes_a_plan_that_pivots(kinds: set[str]) -> None:
    """Whatever is shared, the root is changed, and that after everything else."""
    some = tuple(Namespace(each) for each in sorted(kinds | {"mount"}))
    made = plan(config(hostname="")._replace(linux=Linux(some)))

    assert isinstance(made.jail_steps[-1], s.PivotRoot)
    assert set(made.isolation) == kinds | {"mount"}
