"""What a jail uses, as racct(4) counts it, in the form of runc's statistics, which engines and exporters read."""

from __future__ import annotations

from runjd.kernel.freebsd.rctl import amounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.kernel import FreeBSDKernel

_NANOSECONDS = 1_000_000_000


def usage(kernel: FreeBSDKernel, jail: str) -> dict[str, object]:
    """
    Return the statistics as JSON values; beside runc's there is ``racct``, which has all that the kernel counts.

    :param jail: name of the kernel's jail.
    :raise OSError: ENOSYS where the kernel does not account for resources.
    """
    counted = amounts(kernel.rctl_get_racct(f"jail:{jail}"))
    limits = _limits(kernel.rctl_get_rules(f"jail:{jail}"))
    memory = {"usage": {"usage": counted.get("memoryuse", 0)}, "swap": {"usage": counted.get("swapuse", 0)}}
    if "memoryuse" in limits:
        memory["usage"]["limit"] = limits["memoryuse"]
    processes = {"current": counted.get("maxproc", 0)}
    if "maxproc" in limits:
        processes["limit"] = limits["maxproc"]
    return {
        "cpu": {"usage": {"total": counted.get("cputime", 0) * _NANOSECONDS, "kernel": 0, "user": 0}, "throttling": {}},
        "cpuset": {},
        "memory": memory,
        "pids": processes,
        "blkio": {},
        "hugetlb": {},
        "intel_rdt": {},
        "network_interfaces": None,
        "racct": counted,
    }


def _limits(rules: str) -> dict[str, int]:
    """Return the least amount that a rule has for each resource, but of those that only log."""
    found: dict[str, int] = {}
    for rule in rules.split(","):
        if rule:
            *_, resource, tail = rule.rsplit(":", 2)
            action, _, amount = tail.partition("=")
            number = int(amount.partition("/")[0])
            if action not in ("log", "devctl"):
                found[resource] = min(number, found.get(resource, number))
    return found
