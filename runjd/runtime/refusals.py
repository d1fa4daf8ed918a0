"""
What none of the embedded runtimes applies, refused by the JSON path. Pure.

A property that is asked for and cannot be applied is an error (OCI runtime
specification, runtime.md "Create"), because a jail that silently lacks a limit
or a filter is worse than none.
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.kernel.limits import NUMBERS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from runjd.spec.model import Config, Linux, Process, Seccomp


def refuse(config: Config) -> None:
    """
    Refuse what no embedded runtime can apply.

    :raise Unsupported: naming the first such property.
    """
    for name in config.foreign:
        raise Unsupported(name, "is for another platform")
    if config.process is not None:
        refuse_process(config.process)
    for index, mount in enumerate(config.mounts):
        if mount.uid_mappings or mount.gid_mappings:
            raise Unsupported(f"mounts[{index}].uidMappings", "id-mapped mounts are not supported")
    if config.linux is not None:
        refuse_linux(config.linux)


def refuse_process(process: Process) -> None:
    """Refuse what no embedded runtime can give a process, be it the init process or an exec process."""
    refuse_limits(process)


def refuse_effects(process: Process) -> None:
    """Refuse what the linux runtime alone does for a process."""
    for name, value in (("apparmorProfile", process.apparmor_profile), ("selinuxLabel", process.selinux_label)):
        if value:
            raise Unsupported(f"process.{name}", "only the linux runtime applies it")
    refuse_scheduling(process)


def refuse_scheduling(process: Process) -> None:
    """Refuse what Linux alone knows of when a process runs."""
    for name, value in (
        ("scheduler", process.scheduler),
        ("ioPriority", process.io_priority),
        ("execCPUAffinity", process.exec_cpu_affinity),
    ):
        if value is not None:
            raise Unsupported(f"process.{name}", "only the linux runtime applies it")


def refuse_limits(process: Process, known: Container[str] = NUMBERS) -> None:
    """
    Refuse limits that the system does not have, or that are given twice.

    :param known: names of those that it has.
    """
    seen: set[str] = set()
    for index, limit in enumerate(process.rlimits):
        where = f"process.rlimits[{index}].type"
        if limit.type not in known:
            raise Unsupported(where, f"this system has no {limit.type}")
        if limit.type in seen:
            raise SpecError(where, f"{limit.type} is given twice")
        seen.add(limit.type)


def refuse_linux(linux: Linux) -> None:
    """Refuse what confines a jail by other means than namespaces."""
    for name in linux.unapplied:
        raise Unsupported(f"linux.{name}", "is not supported")
    if linux.seccomp is not None:
        refuse_seccomp(linux.seccomp)
    for name, mappings in (("uidMappings", linux.uid_mappings), ("gidMappings", linux.gid_mappings)):
        if mappings:
            raise Unsupported(f"linux.{name}", "user namespaces are not supported")
    for index, namespace in enumerate(linux.namespaces):
        if namespace.type == "user":
            raise Unsupported(f"linux.namespaces[{index}]", "user namespaces are not supported")


def refuse_seccomp(seccomp: Seccomp) -> None:
    """Refuse what would need somebody who answers for the kernel: an agent that is told of system calls."""
    reason = "filters that ask an agent are not supported"
    if seccomp.default_action == "SCMP_ACT_NOTIFY":
        raise Unsupported("linux.seccomp.defaultAction", reason)
    for index, rule in enumerate(seccomp.syscalls):
        if rule.action == "SCMP_ACT_NOTIFY":
            raise Unsupported(f"linux.seccomp.syscalls[{index}].action", reason)
    for index, flag in enumerate(seccomp.flags):
        if flag == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
            raise Unsupported(f"linux.seccomp.flags[{index}]", reason)


def refuse_resources(config: Config) -> None:
    """Refuse limits, where there are no control groups to apply them."""
    resources = config.linux.resources if config.linux else None
    limited = first_limit(resources or {})
    if limited:
        raise Unsupported(f"linux.{limited}", "limits need control groups, which only the linux runtime uses")


def first_limit(resources: Mapping[str, object]) -> str:
    """
    Return the path of the first property of ``linux.resources`` that limits something, empty where none does.

    Every engine sends ``devices: [{allow: false, access: rwm}]`` and then what it
    allows again; that default and everything empty, zero or -1 is let through.
    """
    for name, value in resources.items():
        if name == "devices":
            for index, rule in enumerate(value if isinstance(value, list) else ()):
                if not _is_usual_device_rule(rule):
                    return f"resources.devices[{index}]"
        elif _limits(value):
            return f"resources.{name}"
    return ""


def _is_usual_device_rule(rule: object) -> bool:
    if not isinstance(rule, dict) or rule.get("allow"):
        return True
    return rule.get("type") in (None, "", "a") and rule.get("major") in (None, -1) and rule.get("minor") in (None, -1)


def _limits(value: object) -> bool:
    if isinstance(value, dict):
        return any(_limits(each) for each in value.values())
    if isinstance(value, list):
        return bool(value)
    return value not in (None, False, 0, -1, "")
