"""
What a container weighs beside others, where systemd makes its groups.

A weight counts among groups of the same parent, and memory is protected no more than
that of the parent.  The group of the container is alone in that of its scope, so the
scope has to have them, too; and from systemd, which takes away what it was not told of.
"""

from __future__ import annotations

import errno

from runjd.errors import RunjdError, RuntimeFailure
from runjd.runtime.linux.cgroup.files import read_file, read_host
from runjd.runtime.linux.cgroup.record import recorded, scopes_of
from runjd.runtime.linux.cgroup.writes import plan_writes
from runjd.runtime.linux.scope import bus

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

    from runjd.runtime.contract import Held
    from runjd.runtime.linux.cgroup.write import Write
    from runjd.runtime.linux.scope.bus import Ask
    from runjd.spec.resources import Resources

    Property = tuple[str, str, str]

#: file of a group -> property of a unit (systemd.resource-control(5)), those of version 1 last
_PROPERTIES = {
    "cpu.weight": "CPUWeight",
    "io.weight": "IOWeight",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "cpu.shares": "CPUShares",
    "blkio.weight": "BlockIOWeight",
}
_UNLIMITED = str(2**64 - 1)


def weights(writes: Iterable[Write]) -> tuple[Property, ...]:
    """Return the properties of a scope, by name, type and value, for what is written into the container's group."""
    found = {}
    for write in writes:
        for file, value in ((write.file, write.value), *write.otherwise):
            number = _number(value)
            if file in _PROPERTIES and number:
                found[_PROPERTIES[file]] = number
    return tuple([(name, "t", number) for name, number in found.items()])


def update(ask: Ask, kernel: Any, held: Held, resources: Resources, change: Callable[[], None]) -> None:
    """
    Change limits of a container, and what its scope weighs.

    :param ask: asks busctl, see :func:`runjd.runtime.linux.scope.bus.ask`.
    :param kernel: a :class:`runjd.kernel.linux.LinuxKernel`.
    :param resources: all of its limits.
    :param change: changes them in its own groups.
    :raise RunjdError: they cannot be applied; all limits are as they were.
    """
    writes = plan_writes(resources, read_host(kernel))
    before = _read(kernel, recorded(held.undo), weights(writes))
    _set(ask, held, weights(writes))
    try:
        change()
    except RunjdError:
        _set(ask, held, before)
        raise


def _set(ask: Ask, held: Held, properties: Sequence[Property]) -> None:
    if not properties:
        return
    words = [word for each in properties for word in each]
    for unit, _ in scopes_of(held.undo):
        # until the host goes down, as the scope itself
        answer = bus.call(ask, "SetUnitProperties", "sba(sv)", unit, "true", str(len(properties)), *words)
        if answer.status:
            raise RuntimeFailure(f"have systemd change {unit}", answer.reason, "linux.resources", errno.EIO)


def _read(kernel: Any, directories: Sequence[str], properties: Sequence[Property]) -> tuple[Property, ...]:
    """Return what the group of the container has of these properties."""
    found = {}
    for file, name in _PROPERTIES.items():
        for directory in directories if name in [each[0] for each in properties] else ():
            try:
                number = _number(read_file(kernel, f"{directory}/{file}"))
            except OSError:
                continue
            if number:
                found[name] = number
    return tuple([(name, "t", number) for name, number in found.items()])


def _number(text: str) -> str:
    """Return the number that a file has, or is told, for all devices; empty where it is none."""
    word = text.partition("\n")[0].removeprefix("default ").strip()
    return _UNLIMITED if word == "max" else word if word.isdecimal() else ""
