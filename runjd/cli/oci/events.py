"""
``runj events``: what a container uses, and when it runs out of memory, one JSON object a line.

The form is that of runc, which containerd and exporters read.
"""

from __future__ import annotations

import select
import sys
import time

from runjd.errors import BadArgument, NoSuchJail, Unsupported, WrongState
from runjd.kernel.exitwatch import exit_watch
from runjd.kernel.process import look
from runjd.spec.lightjson import dumps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.cli.oci.call import Call
    from runjd.container.operations import Operations
    from runjd.kernel.exitwatch import ExitWatch
    from runjd.runtime.contract import MemoryWatch

_DEFAULT = "5s"
#: units of Go's durations, in seconds; the longer names first
_UNITS = (("ms", 0.001), ("us", 0.000001), ("ns", 0.000000001), ("h", 3600.0), ("m", 60.0), ("s", 1.0))


def events(call: Call) -> int:
    """Print statistics once, or statistics and events until the container ends."""
    operations = call.operations()
    interval = seconds(call.given.value("interval", _DEFAULT))
    if call.given.flag("stats"):
        _tell("stats", call.id, operations.usage(call.id))
        return 0
    pid = operations.state(call.id).pid
    ends = exit_watch()
    try:
        _watch_end(ends, pid)
        _follow(operations, call.id, interval, ends, operations.usage(call.id))
    finally:
        ends.close()
    return 0


def _watch_end(ends: ExitWatch, pid: int) -> None:
    seen = look(pid)
    if seen is not None:
        try:
            ends.watch(pid, seen.start_time)
        except ProcessLookupError:
            # it ended just now, as whoever asks for its usage will be told
            pass


def seconds(text: str) -> float:
    """
    Return the length of a time that is written as in Go: ``5s``, ``1m30s``, ``500ms``. Pure.

    :raise BadArgument: it is not, or it is no time at all.
    """
    total, rest = 0.0, text
    while rest:
        end = next((at for at, letter in enumerate(rest) if letter not in "0123456789."), len(rest))
        unit = next((each for each in _UNITS if rest[end:].startswith(each[0])), None)
        number = rest[:end]
        if unit is None or not number.strip(".") or number.count(".") > 1:
            total = 0.0
            break
        total += float(number) * unit[1]
        rest = rest[end + len(unit[0]) :]
    if not 0.0 < total < 1e9:
        raise BadArgument(f"--interval {text} is no time, as 5s, 500ms or 1m30s")
    return total


def _follow(operations: Operations, id: str, interval: float, ends: ExitWatch, usage: dict[str, object]) -> None:
    """
    Print until the container has ended.

    :param ends: watches its init process.
    """
    watch = _watch(operations, id)
    poll = select.poll()
    poll.register(ends.fileno(), select.POLLIN)
    if watch is not None:
        poll.register(watch.fileno(), watch.events)
    try:
        _tell("stats", id, usage)
        due = time.monotonic() + interval
        while True:
            ready = {fd for fd, _ in poll.poll(max(0.0, due - time.monotonic()) * 1000)}
            if watch is not None and watch.fileno() in ready and watch.killed():
                _tell("oom", id)
            if ends.fileno() in ready and ends.ended():
                return
            if time.monotonic() >= due:
                _tell("stats", id, operations.usage(id))
                due = time.monotonic() + interval
    except (NoSuchJail, WrongState):
        # it ended, and may have been deleted, meanwhile
        return
    finally:
        if watch is not None:
            watch.close()


def _watch(operations: Operations, id: str) -> MemoryWatch | None:
    """Return what tells that memory ran out, None where nothing does."""
    try:
        return operations.watch_memory(id)
    except Unsupported:
        return None


def _tell(kind: str, id: str, data: dict[str, object] | None = None) -> None:
    event: dict[str, object] = {"type": kind, "id": id}
    if data is not None:
        event["data"] = data
    sys.stdout.write(dumps(event) + "\n")
    sys.stdout.flush()
