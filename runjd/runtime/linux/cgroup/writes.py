"""
``linux.resources`` to what is written into the files of control groups. Pure.

Each controller is asked for in the hierarchy where the host has it, so on a
hybrid host some limits are those of version 1, others of version 2.
"""

from __future__ import annotations

from runjd.errors import Unsupported
from runjd.runtime.linux.cgroup import version1, version2

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.runtime.linux.cgroup.hierarchies import Host
    from runjd.runtime.linux.cgroup.write import Write
    from runjd.spec.resources import Resources

#: controllers that have another name in version 2
_RENAMED = {"blkio": "io"}


def plan_writes(resources: Resources, host: Host) -> tuple[Write, ...]:
    """
    Return what is to be written, in order; the rules for devices are not among it.

    :raise Unsupported: this host, or the version of its control groups, cannot apply what is asked for.
    """
    return tuple(_writes(resources, host))


def _writes(resources: Resources, host: Host) -> Iterator[Write]:
    for controller, write in version1.BY_CONTROLLER.items():
        hierarchy = host.of(controller)
        if hierarchy is None:
            renamed = _RENAMED.get(controller, controller)
            hierarchy = host.of(renamed)
            write = version2.BY_CONTROLLER.get(renamed, write) if hierarchy else write
        elif hierarchy.version == 2:
            write = version2.BY_CONTROLLER[controller]
        for each in write(resources):
            if hierarchy is None:
                raise Unsupported(each.path, _absent(controller))
            yield each
    yield from _unified(resources, host)


def _unified(resources: Resources, host: Host) -> Iterator[Write]:
    hierarchy = host.unified()
    for each in version2.unified(resources):
        if hierarchy is None:
            raise Unsupported(each.path, "this host has no control groups of version 2")
        if each.controller not in ("cgroup", *hierarchy.controllers):
            raise Unsupported(each.path, _absent(each.controller) + " of version 2")
        yield each


def _absent(controller: str) -> str:
    return f"the controller {controller} is not available in the control groups of this host"
