"""
A bundle to the steps that make a jail of it on Linux. Pure.

The order counts: the host's view of /proc and of paths is needed until the root
is pivoted, so everything is done before that, and the jail's names are resolved
beneath the root (:mod:`runjd.runtime.linux.beneath`).  Where neither a path nor a limit
of control groups is asked for, and a pid namespace holds the processes together,
there are none, as they would cost every start.
"""

from __future__ import annotations

import os

from runjd.errors import SpecError, Unsupported
from runjd.kernel import mount as m
from runjd.kernel.namespaces import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWTIME,
    CLONE_NEWUTS,
)
from runjd.runtime.contract import Plan
from runjd.runtime.linux import devices, sysctl
from runjd.runtime.linux import steps as s
from runjd.runtime.linux.mounts import PROPAGATIONS, plan_mount
from runjd.runtime.refusals import refuse
from runjd.spec.model import Hooks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from runjd.runtime.linux.mounts import MountStep
    from runjd.spec.model import Config, Linux, LinuxDevice, Process

#: type of linux.namespaces -> the bit of clone(2)
FLAGS = {
    "mount": CLONE_NEWNS,
    "pid": CLONE_NEWPID,
    "network": CLONE_NEWNET,
    "uts": CLONE_NEWUTS,
    "ipc": CLONE_NEWIPC,
    "cgroup": CLONE_NEWCGROUP,
    "time": CLONE_NEWTIME,
}

_UNLIMITED_DEVICES = (
    "device files can reach every device of the host, because the jail keeps CAP_MKNOD and no control group limits it; "
    "leave CAP_MKNOD out of process.capabilities, or give linux.resources.devices"
)

#: pivot_root(2): the new root and the one of now must not be on the same mount
_HOST_ROOT = (
    "is the root of the host, which cannot be that of a jail as well; name a directory with a file system of its own, "
    "or take the runtime plain, whose programs see the host's"
)


def make_plan(config: Config, bundle: str, id: str, *, pivots: bool = True, scopes: bool = False) -> Plan:
    """
    Return the plan of a jail with namespaces of Linux.

    :param bundle: absolute path.
    :param pivots: and ``scopes``: see :func:`runjd.runtime.choose.runtimes`.
    :raise SpecError: see :meth:`runjd.runtime.contract.Runtime.plan`; :exc:`Unsupported` too.
    """
    if config.process is None:
        raise SpecError("process", "is missing: there is nothing to run")
    if config.root is None:
        raise SpecError("root", "is missing")
    if config.freebsd is not None:
        raise Unsupported("freebsd", "is for another platform")
    if config.linux is None:
        raise SpecError("linux", 'is missing: the linux runtime needs at least the namespace {"type": "mount"}')
    refuse(config)
    linux = config.linux
    if scopes and not linux.cgroups_path:
        from runjd.runtime.linux.scope.naming import default_path

        linux = linux._replace(cgroups_path=default_path(id))
    namespaces = _namespaces(linux)
    _check_names(config, namespaces)
    root = os.path.normpath(os.path.join(bundle, config.root.path))
    if not root.strip("/"):
        raise Unsupported("root.path", _HOST_ROOT)
    isolation = tuple(f"{kind}={path}" if path else kind for kind, path in namespaces.items())
    return Plan(
        "linux",
        id,
        root,
        config.process,
        (s.CheckRoot(root), *_host_steps(linux, config.process, id, scopes)),
        tuple(
            _jail_steps(config, linux, config.process, namespaces, root, bundle, s.PivotRoot if pivots else s.MoveRoot)
        ),
        isolation,
        tuple(_notices(id, config.process, linux)),
        tuple(_confinement(config.linux)),
    )


def new_namespaces(plan: Plan) -> int:
    """Return the CLONE_NEW bits of the namespaces that are to be made."""
    flags = 0
    for kind in plan.isolation:
        if "=" not in kind:
            flags |= FLAGS[kind]
    # made by the child itself: who is born in one finds its clocks set
    flags &= ~CLONE_NEWTIME
    if has_groups(plan):
        # its root is the group that one is in when it is made
        flags &= ~CLONE_NEWCGROUP
    return flags


def has_groups(plan: Plan) -> bool:
    """Whether the jail gets control groups."""
    return any(isinstance(each, (s.MakeGroups, s.MakeScope)) for each in plan.host_steps)


def has_labels(process: Process) -> bool:
    """Whether a security module shall confine a process."""
    return bool(process.apparmor_profile or process.selinux_label)


def joined_pid_namespace(plan: Plan) -> str:
    """Return the file of the pid namespace to be joined, which must happen before the fork; empty for none."""
    return next((each.partition("=")[2] for each in plan.isolation if each.startswith("pid=")), "")


def _host_steps(linux: Linux, process: Process, id: str, scopes: bool) -> Iterator[object]:
    if linux.mount_label or has_labels(process):
        from runjd.runtime.linux.labels import module_steps

        yield from module_steps(process, linux)
    if _wants_groups(linux):
        from runjd.spec.parse_resources import parse_resources

        if scopes:
            from runjd.runtime.linux.scope.naming import parse_scope

            yield s.MakeScope(parse_scope(linux.cgroups_path), id, parse_resources(linux.resources))
        else:
            yield s.MakeGroups(linux.cgroups_path, id, parse_resources(linux.resources), _asks_for_groups(linux))


def _wants_groups(linux: Linux) -> bool:
    """Whether there are limits, or processes that only a group can tell from others: in a pid namespace of others."""
    has_own_pids = any(each.type == "pid" and not each.path for each in linux.namespaces)
    return _asks_for_groups(linux) or not has_own_pids


def _asks_for_groups(linux: Linux) -> bool:
    return bool(linux.cgroups_path) or bool(linux.resources)


def _namespaces(linux: Linux) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, namespace in enumerate(linux.namespaces):
        where = f"linux.namespaces[{index}]"
        if namespace.type not in FLAGS:
            raise Unsupported(f"{where}.type", f'there is no namespace "{namespace.type}"')
        if namespace.type in found:
            raise SpecError(f"{where}.type", f'"{namespace.type}" is given twice')
        if namespace.path and not namespace.path.startswith("/"):
            raise SpecError(f"{where}.path", "is not an absolute path")
        if namespace.path and namespace.type == "mount":
            raise Unsupported(f"{where}.path", "a jail needs a mount namespace of its own")
        found[namespace.type] = namespace.path
    if "mount" not in found:
        raise Unsupported("linux.namespaces", 'the linux runtime needs the namespace {"type": "mount"}')
    return found


def _check_names(config: Config, namespaces: dict[str, str]) -> None:
    if config.linux and config.linux.time_offsets and namespaces.get("time") != "":
        raise SpecError("linux.timeOffsets", 'needs a new namespace {"type": "time"}')
    for field in ("hostname", "domainname"):
        if getattr(config, field) and "uts" not in namespaces:
            raise SpecError(field, 'needs the namespace {"type": "uts"}')


def _jail_steps(
    config: Config,
    linux: Linux,
    process: Process,
    namespaces: dict[str, str],
    root: str,
    bundle: str,
    change_root: type[s.PivotRoot | s.MoveRoot],
) -> Iterator[object]:
    yield from _identity_steps(config, linux, process, namespaces)
    if namespaces.get("time") == "":
        yield s.SetClocks(linux.time_offsets)
    for name, value in linux.sysctl:
        yield sysctl.plan_sysctl(name, value, namespaces)
    yield from _mount_steps(config, linux, root, bundle)
    if process.cwd != "/":
        yield s.MakeDirectory(_inside(process.cwd), "process.cwd")
    if has_labels(process):
        from runjd.runtime.linux.labels import label_steps

        # behind the hooks, whose programs are not the jail's
        yield from label_steps(process)
    yield from _closing_steps(config, linux, root, change_root)


def _closing_steps(
    config: Config, linux: Linux, root: str, change_root: type[s.PivotRoot | s.MoveRoot]
) -> Iterator[object]:
    """Hide what is not for the jail, and go inside."""
    for index, path in enumerate(linux.masked_paths):
        yield s.Mask(_inside(path), f"linux.maskedPaths[{index}]")
    for index, path in enumerate(linux.readonly_paths):
        yield s.MakeReadOnly(_inside(path), f"linux.readonlyPaths[{index}]")
    if config.root is not None and config.root.readonly:
        yield s.MakeReadOnly("/", "root.readonly")
    yield change_root(root)
    if linux.rootfs_propagation and "private" not in linux.rootfs_propagation:
        flags = PROPAGATIONS[linux.rootfs_propagation]
        yield s.SetPropagation("/", linux.rootfs_propagation, flags, "linux.rootfsPropagation")


def _identity_steps(config: Config, linux: Linux, process: Process, namespaces: dict[str, str]) -> Iterator[object]:
    """Yield what makes the process one of the jail, before anything is mounted for it."""
    if _wants_groups(linux):
        yield s.JoinGroups(namespaces.get("cgroup") == "")
    if process.oom_score_adj is not None:
        yield s.SetOomScore(process.oom_score_adj)
    apart = sysctl.kept_apart(name for name, _ in linux.sysctl)
    for index, each in enumerate(linux.namespaces):
        if each.path and each.type != "pid":
            where = f"linux.namespaces[{index}].path"
            yield s.JoinNamespace(each.type, each.path, FLAGS[each.type], where, apart.get(each.type, ""))
    if config.hostname:
        yield s.SetHostname(config.hostname)
    if config.domainname:
        yield s.SetDomainname(config.domainname)
    if namespaces.get("network") == "":
        yield s.BringUp("lo")


def _confinement(linux: Linux) -> Iterator[object]:
    if linux.personality:
        yield s.SetPersonality(linux.personality)
    if linux.seccomp is not None:
        yield s.FilterSyscalls(linux.seccomp)


def _mount_steps(config: Config, linux: Linux, root: str, bundle: str) -> Iterator[object]:
    propagation = linux.rootfs_propagation
    if propagation and propagation not in PROPAGATIONS:
        raise SpecError("linux.rootfsPropagation", f'"{propagation}" is no propagation')
    mounts = [plan_mount(each, index, bundle) for index, each in enumerate(config.mounts)]
    for mount in mounts:
        if isinstance(mount, s.BindMount) and any(flags & m.MS_SHARED for flags in mount.propagation):
            yield s.HoldSource(mount.source, mount.recursive, mount.path)
    # Nothing that is mounted for the jail shall show on the host.
    yield s.PartFromHost()
    yield s.BindRoot(root, propagation in ("slave", "rslave"))
    yield from _labelled(mounts, linux.mount_label) if linux.mount_label else mounts
    shows_hosts_devices = any(each.destination == "/dev" and isinstance(each, s.BindMount) for each in mounts)
    if not shows_hosts_devices:
        asked = [_device(each, index) for index, each in enumerate(linux.devices)]
        yield from devices.default_steps(frozenset(each.destination for each in asked))
        yield from asked
    if config.hooks != Hooks():
        yield s.RunHooks()


def _labelled(mounts: Iterable[MountStep], label: str) -> Iterator[object]:
    from runjd.runtime.linux.labels import label_mount

    for each in mounts:
        yield from label_mount(each, label)


def _device(device: LinuxDevice, index: int) -> s.MakeDevice:
    where = f"linux.devices[{index}]"
    destination = _inside(device.path)
    if destination == "/":
        raise SpecError(f"{where}.path", "is the root itself")
    kind = "c" if device.type == "u" else device.type
    if kind not in ("b", "c", "p"):
        raise SpecError(f"{where}.type", f'"{device.type}" is none of b, c, u and p')
    if kind != "p" and (device.major is None or device.minor is None):
        raise SpecError(f"{where}.major", "major and minor are missing")
    mode = 0o666 if device.file_mode is None else device.file_mode & 0o7777
    return s.MakeDevice(
        destination, kind, device.major or 0, device.minor or 0, mode, device.uid or 0, device.gid or 0, where
    )


def _notices(id: str, process: Process, linux: Linux) -> Iterator[str]:
    if not _asks_for_groups(linux) and process.capabilities and "CAP_MKNOD" in process.capabilities.bounding:
        yield f"{id}: {_UNLIMITED_DEVICES}"


def _inside(path: str) -> str:
    return "/" + "/".join(part for part in path.split("/") if part not in ("", "."))
