"""The long form: throw at everything for so many seconds, from a number on that another run did not have."""

from __future__ import annotations

import sys
import time

from tests.fuzz.live import LIVE
from tests.fuzz.target import throw
from tests.fuzz.targets import IN_MEMORY


def main(seconds: float, first: int) -> None:
    """Throw, and tell how much was thrown at what."""
    for make in (*IN_MEMORY, *LIVE):
        target = make()
        number, end = first, time.monotonic() + seconds / (len(IN_MEMORY) + len(LIVE))
        try:
            while time.monotonic() < end:
                throw(target, number)
                number += 1
        finally:
            target.close()
        sys.stdout.write(f"{target.name}: {number - first} times from {first} on, nothing found\n")
        sys.stdout.flush()


main(float(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9)
