"""Ends of jails, counted by reason."""

import pytest

from runjd.policy.facts import ExitRecord
from runjd.supervise.events import EventLog, exit_details
from runjd.web.exits import REASONS, ExitCounts, reason_of


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (ExitRecord(1, 0, None, 0.0), "success"),
        (ExitRecord(1, 1, None, 0.0), "failure"),
        (ExitRecord(1, 137, None, 0.0, oom=True), "memory"),
        (ExitRecord(1, None, 15, 0.0), "signal"),
        (ExitRecord(1, None, 9, 0.0, oom=False), "signal"),
        (ExitRecord(1, None, 9, 0.0, oom=True), "memory"),
        (ExitRecord(1, None, None, 0.0), "unknown"),
    ],
)
def test_each_end_has_one_reason(record, reason):
    """Memory comes before the signal that it ended by."""
    details = {key: str(value) for key, value in exit_details(record).items() if value is not None}

    assert reason_of(details) == reason
    assert reason in REASONS


def test_ends_are_counted_until_the_jail_is_deleted():
    """Only those of init processes; what is deleted leaves no number behind."""
    events = EventLog(lambda: 0.0)
    counts = ExitCounts(events)

    for jail in ("web", "web", "db"):
        events.emit(jail, "exit", {"pid": 5, "exit": 0})
    events.emit("web", "exit", {"pid": 5, "signal": 9, "oom": "yes"})
    events.emit("web", "exit", {"exec": "e1", "pid": 6, "exit": 1})
    events.emit("web", "state", {"to": "idle"})

    assert counts.counts() == {("web", "success"): 2, ("web", "memory"): 1, ("db", "success"): 1}
    events.emit("web", "deleted", {})
    assert counts.counts() == {("db", "success"): 1}
