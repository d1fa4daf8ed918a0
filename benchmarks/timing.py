"""How long something takes, and how long to wait for it."""

import time
from collections.abc import Callable

#: seconds after which nothing is waited for any more
PATIENCE = 120.0


def seconds_of(work: Callable[[], object]) -> float:
    """Return the seconds that it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ms_of(work: Callable[[], object]) -> float:
    """Return the milliseconds that it takes."""
    return seconds_of(work) * 1e3


def until(is_so: Callable[[], bool], nap: float = 0.0005, patience: float = PATIENCE) -> None:
    """
    Wait until it is so, and look every ``nap`` seconds.

    :raise SystemExit: it does not come.
    """
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit(f"The benchmark hangs: it was waited {patience:.0f} s for {is_so}.")
        time.sleep(nap)
