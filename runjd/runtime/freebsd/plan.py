"""
A bundle to the steps that make a FreeBSD jail. Pure.

The order counts: limits are there before the jail is, as its name is all they need;
file systems are mounted from the host, beneath the root, before the jail exists;
interfaces move when it does; and the child enters last, because jail_attach(2) is the
one way in and there is none back.
"""

from __future__ import annotations

import os

from runjd.errors import SpecError, Unsupported
from runjd.runtime.contract import Plan
from runjd.runtime.freebsd import limits, mounts
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.compatibility import adapt_mounts
from runjd.runtime.freebsd.names import jail_name
from runjd.runtime.freebsd.parameters import file_systems, plan_parameters
from runjd.runtime.freebsd.rlimits import RLIMITS
from runjd.runtime.refusals import refuse_limits, refuse_scheduling
from runjd.spec.jail_sources import describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.spec.model import Config, FreeBSDJail, Process

#: annotation: "true" lets nullfs mount single files, where the kernel is known to take it
FILE_MOUNTS = "org.runjd.nullfs.files"
_PROTECT = -1000


def make_plan(config: Config, bundle: str, id: str, alias: str, extension: FreeBSDJail | None = None) -> Plan:
    """
    Return the plan of a jail.

    :param bundle: absolute path.
    :param alias: where a read-only root would be mounted, a directory of ours.
    :param extension: what ``runj.ext.json`` says, None where there is none.
    :raise SpecError: see :meth:`runjd.runtime.contract.Runtime.plan`; :exc:`Unsupported` too.
    """
    if config.process is None:
        raise SpecError("process", "is missing: there is nothing to run")
    if config.root is None:
        raise SpecError("root", "is missing")
    _refuse(config, config.process)
    described = describe(config, extension)
    jail = described.jail
    name = jail_name(id, jail.parent)
    root = os.path.normpath(os.path.join(bundle, config.root.path))
    readonly = config.root.readonly
    adapted = adapt_mounts(config)
    devfs, ruleset = mounts.devfs_of(adapted.mounts)
    home = alias if readonly else root
    parameters = plan_parameters(config, jail, name, home, ruleset)
    host_steps: list[object] = [s.CheckRoot(root), *limits.plan_limits(config, name)]
    if readonly:
        host_steps.append(s.ReadOnlyRoot(root, alias))
    mounts_files = dict(config.annotations).get(FILE_MOUNTS) == "true"
    for index, mount in adapted.mounts:
        host_steps += mounts.plan_mount(mount, index, bundle, mounts_files)
    if config.freebsd is not None:
        host_steps += mounts.plan_devices(config.freebsd.devices, devfs)
    host_steps += _jail_steps(jail, name, ruleset)
    host_steps.append(s.MakeJail(parameters))
    host_steps += [
        s.MoveInterface(each, f"freebsd.jail.vnetInterfaces[{n}]") for n, each in enumerate(jail.vnet_interfaces)
    ]
    host_steps += limits.plan_cpus(limits.resources_of(config))
    if jail.interface:
        # last: all that was done since they were added was time for them
        host_steps += [
            s.AwaitAddress(jail.interface, each, f"freebsd.jail.ip6Addr[{n}]") for n, each in enumerate(jail.ip6_addr)
        ]
    notices = (*described.notices, *_notices(config, jail, id))
    return Plan("freebsd", id, root, config.process, tuple(host_steps), (s.Attach(name),), ("jail",), notices)


def _jail_steps(jail: FreeBSDJail, name: str, ruleset: int) -> Iterator[object]:
    """Yield what must be there before the jail can be."""
    for index, kind in enumerate(file_systems(jail)):
        where = f"freebsd.jail.allow.mount[{index}]"
        yield s.LoadFileSystem(kind, where)
        if kind == "devfs" and ruleset:
            yield s.CheckRuleset(ruleset, where)
    if jail.parent:
        yield s.PrepareParent(jail.parent)
    if jail.interface:
        for field, addresses in (("ip4Addr", jail.ip4_addr), ("ip6Addr", jail.ip6_addr)):
            for index, address in enumerate(addresses):
                yield s.AddAlias(jail.interface, address, name, f"freebsd.jail.{field}[{index}]")


def _refuse(config: Config, process: Process) -> None:
    """Refuse what no jail can be given; what engines write for Linux is not among it."""
    for name in config.foreign:
        raise Unsupported(name, "is for another platform")
    refuse_process(process)


def refuse_process(process: Process) -> None:
    """Refuse what no process of a jail can be given, be it the init process or an exec process."""
    refuse_scheduling(process)
    refuse_limits(process, RLIMITS)
    score = process.oom_score_adj
    if score is not None and score < 0 and score != _PROTECT:
        raise Unsupported(
            "process.oomScoreAdj", f"found {score}: FreeBSD can protect a process ({_PROTECT}, protect(1)) or not"
        )


def _notices(config: Config, jail: FreeBSDJail, id: str) -> Iterator[str]:
    for path in limits.passed_over(limits.resources_of(config)):
        yield f"{id}: {path} has no meaning on FreeBSD, and was passed over"
    if jail.allow.mount and jail.enforce_statfs in (None, 2):
        yield (
            f"{id}: freebsd.jail.allow.mount has no effect while enforceStatfs is 2 (its default); "
            "the kernel lets a jail mount with 0 or 1 only"
        )
