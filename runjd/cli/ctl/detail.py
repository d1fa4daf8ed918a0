"""One jail in detail, for people: what the verb status writes of a jail that is named alone."""

from __future__ import annotations

from runjd.cli.ctl.rates import size
from runjd.cli.output import Cell, duration
from runjd.spec.signals import signal_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: how the words of a jail's state look
STYLES = {
    "running": "good",
    "starting": "warn",
    "stopping": "warn",
    "waiting": "warn",
    "paused": "warn",
    "backoff": "bad",
    "failed": "bad",
    "unknown": "bad",
    "unhealthy": "bad",
    "idle": "dim",
}


def outcome(fields: Mapping[str, str]) -> str:
    """Return in a word how a process ended: ``0``, ``3``, ``SIGKILL``, ``unknown``; empty where it did not."""
    signal = fields.get("signal", "")
    if signal.isdigit():
        name = signal_name(int(signal))
        return f"signal {name}" if name.isdigit() else name
    return fields.get("exit", "").replace("-", "")


def ending(fields: Mapping[str, str]) -> str:
    """Return how a process ended, with what is known of why: ``SIGSEGV core``, ``SIGKILL oom``."""
    words = [outcome(fields), *(word for word in ("core", "oom") if fields.get(word) == "yes")]
    return " ".join(words) if words[0] else ""


def details(fields: Mapping[str, str], stats: Mapping[str, str]) -> Iterator[tuple[str, Cell]]:
    """
    Yield names and values; those that say nothing are empty.

    :param fields: what SHOW tells.
    :param stats: what STATS tells.
    """
    yield "jail", Cell(fields.get("jail", ""), "bold")
    yield "state", _state(fields, stats)
    yield "reason", Cell(fields.get("reason", ""))
    yield "next try", Cell(f"in {span(fields['next_in'])}" if "next_in" in fields else "")
    yield "says", Cell(fields.get("says", ""))
    boots = {"yes": ", comes up at boots", "no": ", stays down at boots"}.get(fields.get("enabled", ""), "")
    yield "wanted", Cell(f"{fields.get('want', '-')}{boots}")
    yield "up", Cell(f"{span(fields['up'])}, since {fields.get('started', '-')}" if "up" in fields else "")
    jid = f", jail {fields['jid']}" if "jid" in fields else ""
    tty = ", has a terminal" if fields.get("tty") == "yes" else ""
    yield "process", Cell(f"{fields['pid']}{jid}{tty}" if "pid" in fields else "")
    yield "uses", Cell(_uses(stats))
    yield "restarts", Cell(f"{fields.get('restarts', '0')}, by the rule {fields.get('restart', '-')}")
    yield "last exit", Cell(_last_exit(fields), "" if outcome(fields) in ("", "0") else "bad")
    lost = f", {size(float(fields['log_lost']))} left out" if fields.get("log_lost", "").isdigit() else ""
    yield "log", Cell(f"{size(float(stats.get('log', '0')))} since the daemon started{lost}" if stats else "")
    yield "bundle", Cell(fields.get("bundle", ""))
    yield "runtime", Cell(fields.get("runtime", ""))


def span(text: str) -> str:
    """Return a number of seconds as people read it."""
    try:
        return duration(float(text))
    except ValueError:
        return text


def _state(fields: Mapping[str, str], stats: Mapping[str, str]) -> Cell:
    phase, health = fields.get("phase", "-"), fields.get("health", "-")
    words = [phase]
    if stats.get("paused") == "yes":
        words.append("paused")
    if phase == "running":
        words.append("ready" if fields.get("ready") == "yes" else "not ready")
    if health != "-":
        words.append({"starting": "health not known yet"}.get(health, health))
    style = next((STYLES[word] for word in ("unhealthy", "paused", phase) if word in words and word in STYLES), "")
    return Cell(", ".join(words), style)


def _uses(stats: Mapping[str, str]) -> str:
    if "cpu" not in stats:
        return ""
    processes = stats.get("procs", "0")
    parts = [
        f"{size(float(stats.get('mem', '0')))} of memory",
        f"{processes} process{'' if processes == '1' else 'es'}",
        f"{float(stats['cpu']):.2f}s of processor time",
    ]
    if "read" in stats and "written" in stats:
        parts.append(f"{size(float(stats['read']))} read and {size(float(stats['written']))} written")
    return ", ".join(parts)


def _last_exit(fields: Mapping[str, str]) -> str:
    if not (how := outcome(fields)):
        return ""
    if how.isdigit():
        how = f"status {how}"
    core = ", core dumped" if fields.get("core") == "yes" else ""
    memory = ", memory ran out" if fields.get("oom") == "yes" else ""
    return f"{how}{core}{memory}, at {fields.get('last', '-')}"
