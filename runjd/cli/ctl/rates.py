"""What jails use in a second, from two answers of STATS. Pure."""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: the keys that sort, and what they sort by
ORDERS = {"c": "cpu", "m": "memory", "i": "disk", "l": "log", "n": "name"}
_UNITS = "BKMGTPE"


class Sample(Value):
    """
    One answer of STATS.

    :ivar clock: when it was measured, in seconds.
    :ivar jails: the records.
    """

    clock: float
    jails: Sequence[Mapping[str, str]]


class Load(Value):
    """
    One jail; None for what is not known.

    :ivar cpu: percent of one processor.
    :ivar memory: bytes.
    :ivar read: bytes in a second, as are the following.
    """

    jail: str
    phase: str
    up: float | None
    cpu: float | None
    memory: int | None
    processes: int | None
    read: float | None
    written: float | None
    log: float | None

    @property
    def disk(self) -> float:
        """What goes from and to disks."""
        return (self.read or 0.0) + (self.written or 0.0)


def loads(before: Sample, now: Sample) -> list[Load]:
    """Return what each jail of an answer uses; one that was started meanwhile is counted from its start."""
    known = {each.get("jail", ""): each for each in before.jails}
    return [_load(known.get(each.get("jail", ""), {}), each, now.clock - before.clock) for each in now.jails]


def in_order(found: Sequence[Load], order: str) -> list[Load]:
    """
    Return them with the greatest first, by name where they are equal.

    :param order: a value of :data:`ORDERS`.
    """
    rows = sorted(found, key=lambda each: each.jail)
    if order == "name":
        return rows

    def amount(each: Load) -> float:
        found = getattr(each, order)
        return -1.0 if found is None else float(found)

    return sorted(rows, key=amount, reverse=True)


def size(number: float | None) -> str:
    """Return a number of bytes in at most five characters, as ``0``, ``812B``, ``1.4K``, ``12M``; None: ``-``."""
    if number is None:
        return "-"
    unit = 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number, unit = number / 1024, unit + 1
    if not unit:
        return f"{number:.0f}{_UNITS[0]}" if number >= 0.5 else "0"
    return f"{number:.1f}{_UNITS[unit]}" if number < 9.95 else f"{number:.0f}{_UNITS[unit]}"


def _load(before: Mapping[str, str], now: Mapping[str, str], seconds: float) -> Load:
    is_same = before.get("pid") == now.get("pid")
    memory, processes = _number(now, "mem"), _number(now, "procs")

    def rate(key: str, is_of_run: bool = True) -> float | None:
        last = _number(now, key)
        if last is None or seconds <= 0:
            return None
        if is_of_run and not is_same:
            first: float | None = 0.0 if before else None
        else:
            first = _number(before, key)
        return None if first is None else max(0.0, last - first) / seconds

    cpu = rate("cpu")
    return Load(
        now.get("jail", ""),
        "paused" if now.get("paused") == "yes" else now.get("phase", "-"),
        _number(now, "up"),
        None if cpu is None else 100 * cpu,
        None if memory is None else int(memory),
        None if processes is None else int(processes),
        rate("read"),
        rate("written"),
        rate("log", is_of_run=False),
    )


def _number(fields: Mapping[str, str], key: str) -> float | None:
    try:
        return float(fields[key])
    except (KeyError, ValueError):
        return None
