"""
Many jails: what it takes to read, plan and show them, by their number; and all metrics, while somebody else asks.

Half of the jails of the configuration run sleep(1) with the runtime plain.

    python -m benchmarks.scale
"""

import threading
import time
from collections.abc import Callable
from functools import partial

from benchmarks.cli import once
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, OURS, Figure
from benchmarks.floors import interpreter
from benchmarks.installation import Installation
from benchmarks.jails import write_configuration
from benchmarks.measurement import Plan, run
from benchmarks.timing import ms_of, seconds_of
from runjd.config.load import load

_SHOWN = (("status",), ("list",), ("plan",), ("reload", "-n"), ("top", "-b", "-n", "1", "-d", "0.1"))
#: how often all metrics are asked for
_SCRAPES = 20


def measure(plan: Plan) -> list[Figure]:
    """Return what each thing costs at each number of jails."""
    return plan.at_shares(_at, 20, 4, 2)


def _at(installed: Installation, directory: str, size: int, rounds: int) -> list[Figure]:
    path = write_configuration(directory, size, size // 2)
    read = tuple(ms_of(lambda: load(path, ("plain",))) for _ in range(rounds))
    found = [Figure("the files of n jails read and checked", "runjd", "ms", read, size)]
    with Daemon(installed, directory) as daemon:
        took = seconds_of(lambda: daemon.until_running(size // 2))
        rate = (size / 2 / took,)
        found.append(Figure("half of n jails started, not isolated", "runjd", "1/s", rate, size, is_rate=True))
        for words in _SHOWN:
            took_each = tuple(ms_of(partial(daemon.control, *words)) for _ in range(rounds))
            found.append(Figure(f"runjctl {' '.join(words)}, of n jails", "runjd", "ms", took_each, size))
        bare = tuple(ms_of(lambda: once(interpreter(installed.python))) for _ in range(rounds))
        found += [
            Figure(f"runjctl {' '.join(words)}, of n jails", "the bare interpreter", "ms", bare, size, FLOOR)
            for words in _SHOWN
        ]
        return found + _scrape(daemon, size)


def _scrape(daemon: Daemon, size: int) -> list[Figure]:
    """Ask for all metrics again and again, and for an answer every few milliseconds meanwhile."""
    times: list[float] = []

    def ask_all() -> None:
        times.extend(ms_of(lambda: daemon.ask("metrics")) for _ in range(_SCRAPES))

    asking = threading.Thread(target=ask_all)
    until = time.monotonic() + 3
    calm = longest_ping(daemon, lambda: time.monotonic() < until)
    asking.start()
    busy = longest_ping(daemon, asking.is_alive)
    asking.join()
    return [
        Figure("all metrics of n jails", "runjd", "ms", tuple(times), size),
        Figure("the longest answer to a ping meanwhile", "runjd", "ms", (busy,), size, OURS),
        Figure("the longest answer to a ping meanwhile", "runjd, while nobody asks", "ms", (calm,), size, FLOOR),
    ]


def longest_ping(daemon: Daemon, goes_on: Callable[[], bool]) -> float:
    """Return the milliseconds that the slowest answer took."""
    longest = 0.0
    with daemon.connect() as connection:
        while goes_on():
            began = time.perf_counter()
            connection.sendall(b"ping\n")
            connection.recv(8192)
            longest = max(longest, 1e3 * (time.perf_counter() - began))
            time.sleep(0.003)
    return longest


if __name__ == "__main__":
    run(measure, __doc__)
