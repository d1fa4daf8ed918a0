"""Codes of ttrpc."""

from __future__ import annotations

import pytest

from runjd.errors import NoSuchJail, RuntimeFailure, TimedOut, WrongState, exit_statuses, from_record
from runjd.protocols.ttrpc import status
from runjd.protocols.ttrpc.status import TtrpcError, code_of


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (NoSuchJail("web"), status.NOT_FOUND),
        (WrongState("it runs"), status.FAILED_PRECONDITION),
        (TimedOut("late"), status.DEADLINE_EXCEEDED),
        (RuntimeFailure("mount /proc", "no"), status.UNKNOWN),
        (TtrpcError(status.OUT_OF_RANGE, "too far"), status.OUT_OF_RANGE),
        (from_record(NoSuchJail("web").to_record()), status.NOT_FOUND),
        (KeyError("x"), status.UNKNOWN),
    ],
)
def test_an_error_has_the_code_of_its_kind(error, code):
    """containerd learns from the code what happened, also where another process found it."""
    assert code_of(error) == code


def test_each_code_of_ours_has_one_of_ttrpc():
    """The list of codes of the control protocol is closed, and none of them is forgotten here."""
    assert set(status._CODES) == set(exit_statuses())
