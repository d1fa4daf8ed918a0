"""Limits of a jail in a ``config.json``. Pure."""

from __future__ import annotations

from runjd.spec.merge_resources import merge

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.config.model import Limits

#: microseconds; the quota is a share of it (config-linux.md, "CPU")
_PERIOD = 100_000
_FILES = "RLIMIT_NOFILE"


def limit(config: dict[str, object], limits: Limits) -> None:
    """Have the document ask for limits, in place of those of the same kind that it has."""
    process = config.get("process")
    if limits.files and isinstance(process, dict):
        has = process.get("rlimits")
        others = [each for each in has if each.get("type") != _FILES] if isinstance(has, list) else []
        process["rlimits"] = [*others, {"type": _FILES, "soft": limits.files, "hard": limits.files}]
    resources = _resources(limits)
    if resources:
        linux = config.setdefault("linux", {})
        if isinstance(linux, dict):
            before = linux.get("resources")
            linux["resources"] = merge(before if isinstance(before, dict) else {}, resources)


def _resources(limits: Limits) -> dict[str, object]:
    found: dict[str, object] = {}
    if limits.memory:
        found["memory"] = {"limit": limits.memory}
    if limits.cpus:
        found["cpu"] = {"quota": max(1000, round(limits.cpus * _PERIOD)), "period": _PERIOD}
    if limits.processes:
        found["pids"] = {"limit": limits.processes}
    return found
