"""Asking a process whether it is alive."""

from __future__ import annotations

from twisted.internet.task import Clock

from runjd.access.heartbeat import MISSES, Heartbeat


class Asked:
    """A heartbeat each second, and what came of it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.questions = 0
        self.is_silent = False
        self.heartbeat = Heartbeat(self.clock, 1.0, self.ask, self.silent)
        self.heartbeat.start()

    def ask(self) -> None:
        self.questions += 1

    def silent(self) -> None:
        assert not self.is_silent
        self.is_silent = True


def test_who_answers_is_asked_again() -> None:
    """Each time."""
    asked = Asked()
    for count in range(1, 10):
        asked.clock.advance(1)
        assert (asked.questions, asked.heartbeat.is_awaited) == (count, True)
        asked.heartbeat.answered()
        assert not asked.heartbeat.is_awaited

    asked.heartbeat.stop()
    assert asked.clock.getDelayedCalls() == []
    assert not asked.is_silent


def test_who_does_not_answer_is_told_once() -> None:
    """After some time, in which it is not asked again: nothing piles up."""
    asked = Asked()
    for _ in range(MISSES):
        asked.clock.advance(1)
        assert not asked.is_silent
    asked.clock.advance(1)

    assert (asked.questions, asked.is_silent) == (1, True)
    assert asked.clock.getDelayedCalls() == []
    asked.heartbeat.stop()


def test_a_late_answer_counts() -> None:
    """It was busy, or stopped for a while."""
    asked = Asked()
    for _ in range(3):
        for _ in range(MISSES):
            asked.clock.advance(1)
        asked.heartbeat.answered()
    assert not asked.is_silent


def test_who_asks_may_have_been_stopped() -> None:
    """However long: an answer that is there by then is read before it counts as missing."""
    asked = Asked()
    asked.clock.advance(1)
    asked.clock.advance(1000)
    asked.heartbeat.answered()
    asked.clock.advance(1)

    assert not asked.is_silent
