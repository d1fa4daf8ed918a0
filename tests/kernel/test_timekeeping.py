"""The kernel is asked for its clock."""

import time

from runjd.kernel.timekeeping import is_synchronised


def test_to_ask_changes_nothing():
    """The answer is yes or no, again and again, and the clock goes on as before."""
    before, elapsed = time.time(), time.monotonic()

    assert {is_synchronised() for _ in range(100)} <= {True, False}
    assert abs((time.time() - before) - (time.monotonic() - elapsed)) < 0.5
