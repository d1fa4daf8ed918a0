"""
Make the groups of a jail, and limit what is in them.

All is written before the first process joins, so a jail has its limits from its
first moment.  What is going to be made is told before, so that whoever is killed
here leaves nothing that nobody knows of.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure, Unsupported
from runjd.runtime.contract import Undo
from runjd.runtime.failing import failure
from runjd.runtime.linux.cgroup import device_program, device_rules
from runjd.runtime.linux.cgroup.files import exists, groups_below, pids, read_file, write_file
from runjd.runtime.linux.cgroup.hierarchies import group_directory
from runjd.runtime.linux.cgroup.record import GROUPS, PARENTS
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.runtime.linux.cgroup.writing import apply

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from runjd.runtime.linux.cgroup.hierarchies import Hierarchy, Host
    from runjd.spec.resources import DeviceRule, Resources


_PATH = "linux.cgroupsPath"
_CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: others may remove an empty group above ours while we make ours
_ATTEMPTS = 10


def make_groups(
    kernel: Any,
    host: Host,
    path: str,
    id: str,
    resources: Resources,
    made: Callable[[Undo], None],
    tenants: frozenset[int] = frozenset(),
) -> tuple[str, ...]:
    """
    Make the groups of a jail in every hierarchy of the host.

    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param path: ``linux.cgroupsPath``.
    :param made: told of what is to be undone, before it is done.
    :param tenants: the pids of those who may be in them already.
    :return: their directories, that of the freezer first.
    :raise RunjdError: naming the property that cannot be applied.
    """
    if not host.hierarchies:
        raise Unsupported(_PATH, "this host has no control groups mounted that can be changed")
    writes = plan_writes(resources, host)
    devices = host.of("devices")
    device_writes = device_rules.version1_writes(resources.devices) if devices else []
    needed = frozenset(each.controller for each in writes)
    by_hierarchy = make_bare_groups(kernel, host, path, id, made, needed, tenants)
    if devices:
        for name, value, where in device_writes:
            _limit_device(kernel, f"{by_hierarchy[devices]}/{name}", value, where)
    elif unified := host.unified():
        _attach(kernel, by_hierarchy[unified], resources.devices)
    apply(kernel, writes, host, by_hierarchy)
    return tuple(by_hierarchy.values())


def make_bare_groups(
    kernel: Any,
    host: Host,
    path: str,
    id: str,
    made: Callable[[Undo], None],
    needed: frozenset[str] = frozenset(),
    tenants: frozenset[int] = frozenset(),
) -> dict[Hierarchy, str]:
    """
    Make groups without any limit.

    :param needed: controllers of version 2 that must be there, where the host has version 1, too.
    :return: the directory in each hierarchy, that of the freezer first.
    """
    places = [(each, group_directory(each, path, id)) for each in freezer_first(host)]
    directories = tuple(directory for _, directory in places)
    for directory in directories:
        _check_unused(kernel, directory, tenants)
    parents = [each for hierarchy, directory in places for each in _missing_parents(kernel, hierarchy, directory)]
    if parents:
        made(Undo(PARENTS, "\n".join(parents)))
    made(Undo(GROUPS, "\n".join(directories)))
    is_hybrid = any(each.version == 1 for each in host.hierarchies)
    for hierarchy, directory in places:
        wanted = needed & set(hierarchy.controllers) if is_hybrid else hierarchy.controllers
        _make(kernel, hierarchy, directory, sorted(wanted))
    return dict(places)


def freezer_first(host: Host) -> list[Hierarchy]:
    """Return the hierarchies of a host, the one first by which processes are stopped."""
    return sorted(host.hierarchies, key=lambda each: ("freezer" not in each.controllers, each.version != 2))


def _check_unused(kernel: Any, directory: str, tenants: frozenset[int]) -> None:
    """A group that others use is never taken, as it would be removed, with all in it, along with the jail."""
    if not exists(kernel, directory):
        return
    if groups_below(kernel, directory) or pids(kernel, directory) - tenants:
        raise RuntimeFailure(
            f"make the control group {directory}",
            "it is in use already: there are processes or groups in it; give every container a path of its own",
            _PATH,
            errno.EEXIST,
        )


def _missing_parents(kernel: Any, hierarchy: Hierarchy, directory: str) -> list[str]:
    return [each for each in _above(hierarchy, directory) if not exists(kernel, each)]


def _above(hierarchy: Hierarchy, directory: str) -> list[str]:
    """Return the groups between the mount point and a group, neither of them included, the highest first."""
    parts = directory[len(hierarchy.mount) + 1 :].split("/")[:-1]
    return ["/".join([hierarchy.mount, *parts[: count + 1]]) for count in range(len(parts))]


def _make(kernel: Any, hierarchy: Hierarchy, directory: str, controllers: Sequence[str]) -> None:
    levels = [*_above(hierarchy, directory), directory]
    for attempt in range(_ATTEMPTS):
        try:
            for above, each in zip([hierarchy.mount, *levels], levels, strict=False):
                if hierarchy.version == 2:
                    _enable(kernel, above, controllers)
                try:
                    kernel.mkdir(each, 0o755)
                except FileExistsError:
                    pass
                if "cpuset" in hierarchy.controllers and hierarchy.version == 1:
                    _inherit_cpuset(kernel, above, each)
            return
        except FileNotFoundError as error:
            if attempt == _ATTEMPTS - 1:
                raise failure(f"make the control group {directory}", error, _PATH) from error
        except OSError as error:
            raise failure(f"make the control group {directory}", error, _PATH) from error


def enable_controllers(kernel: Any, hierarchy: Hierarchy, directory: str, controllers: Sequence[str]) -> None:
    """Let a group of version 2 that is there have controllers; where that is refused, a write will say so."""
    for each in (hierarchy.mount, *_above(hierarchy, directory)):
        _enable(kernel, each, controllers)


def _enable(kernel: Any, group: str, controllers: Sequence[str]) -> None:
    """Let the groups below have controllers; where that is refused, the write that needs it will say so."""
    for each in controllers:
        try:
            write_file(kernel, f"{group}/cgroup.subtree_control", f"+{each}")
        except OSError:
            continue


def _inherit_cpuset(kernel: Any, above: str, group: str) -> None:
    """A new group of version 1 has no processor at all, and nobody can join it."""
    for name in _CPUSET_FILES:
        if not read_file(kernel, f"{group}/{name}").strip():
            write_file(kernel, f"{group}/{name}", read_file(kernel, f"{above}/{name}").strip())


def _limit_device(kernel: Any, file: str, rule: str, where: str) -> None:
    try:
        write_file(kernel, file, rule)
    except OSError as error:
        raise failure(f"write {rule} to {file}", error, where) from error


def _attach(kernel: Any, directory: str, rules: Sequence[DeviceRule]) -> None:
    program = device_program.encode(device_program.assemble((*rules, *device_rules.DEFAULT_RULES)))
    try:
        loaded = kernel.load_device_program(program)
        try:
            group = kernel.open(directory, _DIRECTORY)
            try:
                kernel.attach_device_program(group, loaded)
            finally:
                kernel.close(group)
        finally:
            kernel.close(loaded)
    except OSError as error:
        raise failure(f"limit the devices of {directory}", error, "linux.resources.devices") from error
