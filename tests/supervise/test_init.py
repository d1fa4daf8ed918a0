"""The protocol of an init process: who reads its output."""

import pytest

from runjd.policy.facts import ExitRecord
from runjd.supervise.init import FLOOD, InitProcess


class Transport:
    """Counts holds, and lends."""

    def __init__(self) -> None:
        self.holds = 0
        self.lent = 0
        self.exit = ExitRecord(812, 3, None, 1.0)

    def hold(self, child_fd: int) -> None:
        self.holds += 1

    def release(self, child_fd: int) -> None:
        self.holds -= 1

    def lend(self, child_fd: int) -> str:
        self.lent += 1
        return "a loan"


class Log:
    """Takes all, with or without a loan."""

    def __init__(self) -> None:
        self.takes_loans = True
        self.taken: list = []

    def write(self, stream, data, done, loan) -> None:
        self.taken.append((stream, len(data), loan))
        self.done = done

    def flush_in_time(self, limit, done) -> None:
        self.done = done


class Ending:
    """Of nothing."""

    def drained(self) -> None:
        """Nobody wants to know."""

    def ended(self) -> None:
        """Nobody wants to know."""


class Viewers:
    """Somebody who looks on."""

    def __init__(self, ends: list) -> None:
        self.end = ends.append


@pytest.fixture
def init():
    """Return one that runs."""
    made = InitProcess(Log(), Ending())
    made.transport = Transport()
    made.log = made._log_of_jail
    return made


def test_an_output_is_not_read_before_it_is_logged(init):
    """It is held until the log says so."""
    init.childDataReceived(2, b"line\n")
    assert init.transport.holds == 1

    init.log.done()

    assert init.transport.holds == 0
    assert init.log.taken == [("err", 5, None)]


def test_a_flood_is_lent_to_the_writer_of_the_log(init):
    """Which then reads it without the reactor."""
    init.childDataReceived(1, b"x" * FLOOD)

    assert init.log.taken == [("out", FLOOD, "a loan")]


@pytest.mark.parametrize("heard", ["by a listener", "little", "a log that lends nothing"])
def test_what_others_need_is_not_lent(init, heard):
    """Whoever looks on, or waits for a line, sees all of it."""
    data = b"x" * FLOOD
    if heard == "by a listener":
        init.listener = lambda stream, data: False
    elif heard == "little":
        data = data[1:]
    else:
        init.log.takes_loans = False

    init.childDataReceived(1, data)

    assert init.log.taken == [("out", len(data), None)]


def test_whoever_looks_on_is_told_the_end_behind_the_log(init):
    """So that whoever ran a program finds in its log what it wrote."""
    ends: list = []
    init.viewers = Viewers(ends)

    init.processEnded(None)
    assert ends == []

    init.log.done()
    assert ends == [init.transport.exit]
