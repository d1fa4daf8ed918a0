"""
Limits of a jail to rctl(8) rules and processors. Pure.

Annotations ``org.runjd.rctl.RESOURCE`` hold what rctl(8) writes behind the resource, as
``deny=100`` or ``log=80,deny=100``; amounts may end in k, m, g or t.  Of
``linux.resources``, which engines know, these have a meaning here:

- ``memory.limit``: ``memoryuse:sigkill``, which ends the process as Linux does (the
  kernel takes ``memoryuse:deny`` and does nothing); ``memory.swap``, which is memory and
  swap together: ``swapuse:deny`` of the difference;
- ``pids.limit``: ``maxproc:deny``;
- ``cpu.quota`` and ``period``: ``pcpu:deny`` in percent of one processor; ``cpu.cpus``: cpuset(2).

An annotation replaces what a resource would give.  The rest of ``linux.resources`` is
passed over with a notice.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.runtime.freebsd import steps as s
from runjd.spec.parse_resources import parse_resources
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.spec.model import Config
    from runjd.spec.resources import Resources

PREFIX = "org.runjd.rctl."
#: what to do where the kernel does not account for resources
RACCT_ADVICE = 'put kern.racct.enable="1" into /boot/loader.conf and reboot'

_RESOURCE_NAMES = (
    "cputime datasize stacksize coredumpsize memoryuse memorylocked maxproc openfiles vmemoryuse pseudoterminals "
    "swapuse nthr msgqqueued msgqsize nmsgq nsem nsemop nshm shmsize wallclock pcpu readbps writebps readiops writeiops"
)
_RESOURCES = frozenset(_RESOURCE_NAMES.split())
#: rctl(8): what cannot be denied, and the only ones that can be throttled
_NOT_DENIED = frozenset(["cputime", "wallclock", "readbps", "writebps", "readiops", "writeiops"])
_THROTTLED = frozenset(["readbps", "writebps", "readiops", "writeiops"])
_SIGNAL_NAMES = (
    "hup int quit ill trap abrt emt fpe kill bus segv sys pipe alrm term urg stop tstp cont chld ttin ttou io xcpu "
    "xfsz vtalrm prof winch info usr1 usr2"
)
_SIGNALS = frozenset(f"sig{each}" for each in _SIGNAL_NAMES.split())
_UNITS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_AMOUNT_MAX = 2**63 - 1
#: microseconds; the period where a quota comes without one (config-linux.md, "CPU")
_PERIOD = 100_000
_PLACE = "linux.resources"


def plan_limits(config: Config, jail: str) -> tuple[object, ...]:
    """
    Return the steps that limit a jail before its first process.

    :param jail: name of the kernel's jail.
    :raise SpecError: an annotation is no rule, a number makes no sense.
    """
    rules: dict[str, tuple[s.AddRule, ...]] = {}
    for rule in rules_of(resources_of(config), jail):
        rules[rule.resource] = (rule,)
    for key, value in config.annotations:
        if key.startswith(PREFIX):
            resource = key[len(PREFIX) :]
            rules[resource] = tuple(_from_annotation(key, resource, value, jail))
    found = tuple(rule for each in rules.values() for rule in each)
    return (s.CheckRacct(found[0].path), *found) if found else ()


def plan_cpus(resources: Resources) -> tuple[s.PinCpus, ...]:
    """
    Return the step that pins a jail to processors, where it is asked for.

    :raise SpecError: it is no list as ``0-2,5``.
    """
    text = resources.cpu.cpus
    return (s.PinCpus(parse_cpus(text, f"{_PLACE}.cpu.cpus")),) if text else ()


def resources_of(config: Config) -> Resources:
    """
    Return the limits of a bundle.

    :raise SpecError: with all that is wrong in it.
    """
    return parse_resources(config.linux.resources if config.linux else None)


def passed_over(resources: Resources) -> tuple[str, ...]:
    """Return the JSON paths of what limits something, and has no meaning here; devices have been passed over anyway."""
    memory, cpu, nothing = resources.memory, resources.cpu, type(resources)()
    asked = {
        "memory.reservation": memory.reservation,
        "memory.kernel": memory.kernel,
        "memory.kernelTCP": memory.kernel_tcp,
        "memory.swappiness": memory.swappiness is not None,
        "memory.disableOOMKiller": memory.disable_oom_killer,
        "cpu.shares": cpu.shares,
        "cpu.burst": cpu.burst,
        "cpu.realtimeRuntime": cpu.realtime_runtime,
        "cpu.realtimePeriod": cpu.realtime_period,
        "cpu.mems": cpu.mems,
        "cpu.idle": cpu.idle,
        "blockIO": resources.block_io != nothing.block_io,
        "hugepageLimits": resources.hugepage_limits,
        "network": resources.network != nothing.network,
        "rdma": resources.rdma,
        "unified": resources.unified,
    }
    return tuple(f"{_PLACE}.{name}" for name, is_asked in asked.items() if is_asked)


def parse_cpus(text: str, path: str) -> tuple[int, ...]:
    """
    Return the processors of a list as ``0-2,5``.

    :raise SpecError: it is none.
    """
    found: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        ends = (first, last if dash else first)
        if not all(each.isascii() and each.isdigit() and len(each) < 5 for each in ends) or int(ends[0]) > int(ends[1]):
            raise SpecError(path, f"found {quoted(text)}, expected processors as 0-2,5")
        found.update(range(int(ends[0]), int(ends[1]) + 1))
    return tuple(sorted(found))


def rules_of(resources: Resources, jail: str) -> Iterator[s.AddRule]:
    """
    Yield the rules for what has a meaning here.

    :param jail: name of the kernel's jail.
    :raise SpecError: two limits do not fit together.
    """
    memory, swap = resources.memory.limit, resources.memory.swap
    if memory > 0:
        yield s.AddRule(jail, "memoryuse", "sigkill", memory, f"{_PLACE}.memory.limit")
    if swap > 0:
        if memory > swap:
            raise SpecError(f"{_PLACE}.memory.swap", "is memory and swap together, and is less than limit")
        yield s.AddRule(jail, "swapuse", "deny", swap - max(memory, 0), f"{_PLACE}.memory.swap")
    if resources.pids_limit > 0:
        yield s.AddRule(jail, "maxproc", "deny", resources.pids_limit, f"{_PLACE}.pids.limit")
    quota, period = resources.cpu.quota, resources.cpu.period or _PERIOD
    if quota > 0:
        yield s.AddRule(jail, "pcpu", "deny", max(1, quota * 100 // period), f"{_PLACE}.cpu.quota")


def _from_annotation(key: str, resource: str, value: str, jail: str) -> Iterator[s.AddRule]:
    path = f"annotations[{quoted(key, 100)}]"
    if resource not in _RESOURCES:
        raise SpecError(path, f"rctl(8) has no resource {quoted(resource)}; it has {', '.join(sorted(_RESOURCES))}")
    for part in value.split(","):
        action, equals, amount = part.strip().partition("=")
        number = _amount(amount) if equals else -1
        if number < 0:
            raise SpecError(path, f"found {quoted(part.strip())}, expected ACTION=AMOUNT, as deny=512m")
        _check_action(resource, action, path)
        yield s.AddRule(jail, resource, action, number, path)


def _check_action(resource: str, action: str, path: str) -> None:
    if action == "deny" and resource in _NOT_DENIED:
        raise SpecError(path, f"{resource} cannot be denied; use {'throttle or ' * (resource in _THROTTLED)}a signal")
    if action == "throttle" and resource not in _THROTTLED:
        raise SpecError(path, f"{resource} cannot be throttled; only {', '.join(sorted(_THROTTLED))} can")
    if action not in ("deny", "log", "devctl", "throttle") and action not in _SIGNALS:
        raise SpecError(path, f"{quoted(action)} is none of deny, log, devctl, throttle and signals as sigterm")


def _amount(text: str) -> int:
    digits = text[:-1] if text[-1:].lower() in _UNITS and text[-1:] else text
    unit = text[len(digits) :].lower()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return -1
    number = int(digits) * _UNITS[unit]
    return number if number <= _AMOUNT_MAX else -1
