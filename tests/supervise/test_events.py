"""The numbered events and their ring."""

import pytest

from runjd.supervise.events import EventLog
from tests.supervise.world import words_of


@pytest.fixture
def log():
    """Return a log of three events."""
    return EventLog(lambda: 5.0, capacity=3)


def seqs(found):
    """Return what was lost, and the numbers of the rest."""
    lost, events = found
    return lost, [event.seq for event in events]


def test_events_are_numbered_from_one(log):
    """The newest number is known, and 0 before the first."""
    assert log.last_seq == 0
    assert log.since(0) == (0, ())

    event = log.emit("web", "exit", {"exit": 0, "signal": None, "note": ""}, at=2.0)

    assert (event.seq, event.at, log.last_seq) == (1, 2.0, 1)
    assert words_of(event) == "web exit exit=0"


@pytest.mark.parametrize(
    ("since", "expected"),
    [(0, (2, [3, 4, 5])), (1, (1, [3, 4, 5])), (2, (0, [3, 4, 5])), (4, (0, [5])), (5, (0, [])), (99, (0, []))],
)
def test_the_ring_says_how_many_are_gone(log, since, expected):
    """What is older than the ring is counted as lost."""
    for _ in range(5):
        log.emit("web", "state")

    assert seqs(log.since(since)) == expected


def test_subscribers_hear_until_they_cancel(log):
    """Cancelling twice is no error."""
    heard: list[int] = []
    subscription = log.subscribe(lambda event: heard.append(event.seq))
    log.emit("web", "state")
    subscription.cancel()
    subscription.cancel()
    log.emit("web", "state")

    assert heard == [1]


def test_a_subscriber_may_cancel_another_while_it_hears(log):
    """Whoever was cancelled hears no more, not even this event; who came last hears it first."""
    heard: list[str] = []
    subscription = log.subscribe(lambda event: heard.append("first"))

    def cancel(event):
        heard.append("second")
        subscription.cancel()

    log.subscribe(cancel)

    log.emit("web", "state")

    assert heard == ["second"]


def test_a_failing_subscriber_is_dropped(log):
    """The others hear everything."""
    heard: list[int] = []
    calls: list[int] = []

    def fail(event):
        calls.append(event.seq)
        raise ValueError("a fault of the subscriber")

    log.subscribe(fail)
    log.subscribe(lambda event: heard.append(event.seq))
    log.emit("web", "state")
    log.emit("web", "state")

    assert (calls, heard) == ([1], [1, 2])
