"""What is known of a jail."""

import pytest

from runjd.policy.facts import ExitRecord


@pytest.mark.parametrize(("status", "signal", "is_known"), [(0, None, True), (None, 9, True), (None, None, False)])
def test_an_exit_that_nobody_saw_is_unknown(status, signal, is_known):
    """Neither status nor signal means that nobody saw it; a status of 0 is a status."""
    assert ExitRecord(7, status, signal, 1.0).is_known is is_known
