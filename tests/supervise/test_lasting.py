"""Writing beside the reactor."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from runjd.errors import InputOutput
from runjd.supervise.lasting import Lasting
from runjd.supervise.wishes import Wish


class Desk:
    """A Lasting whose disk is the test: each batch waits until the test answers it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.batches: list[dict] = []
        self.answers: list[Deferred] = []
        self.troubles: list[str] = []
        self.lasting = Lasting(self, self.clock, self._in_thread, self.troubles.append)

    def write(self, wishes) -> None:
        """Never called: the thread is the test's."""

    def _in_thread(self, call, batch):
        self.batches.append(dict(batch))
        self.answers.append(Deferred())
        return self.answers[-1]

    def written(self) -> None:
        """The disk took the batch."""
        self.answers.pop(0).callback(None)

    def refused(self) -> None:
        """The disk is full."""
        self.answers.pop(0).errback(InputOutput("no space"))


def test_what_comes_while_the_disk_is_busy_is_written_together():
    """Of one jail the last wish counts."""
    desk = Desk()
    desk.lasting.put("a", Wish("up"))
    desk.lasting.put("b", Wish("up"))
    desk.lasting.put("b", None)
    desk.lasting.put("c", Wish("down"))
    assert desk.batches == [{"a": Wish("up")}]

    desk.written()

    assert desk.batches[1:] == [{"b": None, "c": Wish("down")}]
    desk.written()
    assert desk.answers == []


def test_who_waits_waits_for_what_was_put():
    """Neither for what comes later nor for less."""
    desk = Desk()
    fired: list[str] = []
    desk.lasting.settled().addCallback(lambda _: fired.append("nothing"))
    desk.lasting.put("a", Wish("up"))
    desk.lasting.settled().addCallback(lambda _: fired.append("a"))
    desk.lasting.put("b", Wish("up"))
    desk.lasting.settled().addCallback(lambda _: fired.append("b"))
    assert fired == ["nothing"]

    desk.written()
    assert fired == ["nothing", "a"]
    desk.written()

    assert fired == ["nothing", "a", "b"]


def test_a_disk_that_refuses_is_tried_again_and_delays_nobody():
    """It is told once, and once more when it is over; what was refused is written unless it is outdated."""
    desk = Desk()
    desk.lasting.put("a", Wish("up"))
    desk.lasting.put("b", Wish("up"))
    waiting = desk.lasting.settled()
    desk.refused()
    assert not waiting.called
    desk.clock.advance(1.0)
    desk.refused()
    assert waiting.called
    assert desk.lasting.settled().called
    desk.lasting.put("a", Wish("down"))
    desk.clock.advance(2.0)
    desk.refused()
    desk.clock.advance(4.0)

    desk.written()

    assert desk.batches[-1] == {"a": Wish("down"), "b": Wish("up")}
    assert desk.troubles == ["what is wanted does not outlast a reboot yet: no space", ""]
    assert desk.clock.getDelayedCalls() == []


def test_who_waits_no_longer_is_not_told():
    """A client that left is no fault."""
    desk = Desk()
    desk.lasting.put("a", Wish("up"))
    waiting = desk.lasting.settled()
    waiting.addErrback(lambda _: None)
    waiting.cancel()

    desk.written()


def test_nothing_is_tried_after_the_end():
    """A daemon that ends leaves no delayed call behind."""
    desk = Desk()
    desk.lasting.put("a", Wish("up"))
    desk.refused()

    desk.lasting.close()

    assert desk.clock.getDelayedCalls() == []
