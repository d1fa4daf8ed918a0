"""Events on their way, with a clock that the test moves."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from runjd.containerd.posting import Letter, Post


class Office:
    """
    A containerd that takes events, or not.

    :ivar taken: the topics that arrived.
    :ivar is_there: somebody listens.
    :ivar refuses: so many calls fail first.
    :ivar is_slow: answers are given by the test.
    """

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.connections = 0
        self.open = 0
        self.is_there = True
        self.refuses = 0
        self.is_slow = False
        self.answers: list[Deferred[bytes]] = []

    def connect(self, path: str) -> Deferred[Line]:
        if not self.is_there:
            return fail(OSError("nobody listens"))
        self.connections += 1
        self.open += 1
        return succeed(Line(self))


class Line:
    """A connection to it."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self.is_open = True

    def call(self, service, method, payload, metadata=(), timeout=0.0) -> Deferred[bytes]:
        office = self._office
        if office.refuses:
            office.refuses -= 1
            return fail(OSError("not now"))
        assert list(metadata) == [("containerd-namespace-ttrpc", "ns")]
        assert timeout > 0
        office.taken.append(payload.decode())
        if not office.is_slow:
            return succeed(b"")
        office.answers.append(Deferred())
        return office.answers[-1]

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._office.open -= 1


def letter(topic: str, told=None) -> Letter:
    """Return an event."""
    return Letter("ns", topic, topic.encode(), told)


def test_events_go_one_after_another_on_one_connection():
    """The next one when the last one was taken."""
    office = Office()
    post = Post(Clock(), office.connect)
    office.is_slow = True
    for topic in ("a", "b", "c"):
        post.send("/sock", letter(topic))
    assert office.taken == ["a"]
    office.answers.pop().callback(b"")
    office.answers.pop().callback(b"")

    assert office.taken == ["a", "b", "c"]
    assert office.connections == 1
    post.stop()


def test_one_that_fails_comes_again_before_the_others():
    """At once, then later and later; a new connection is made each time."""
    office, clock = Office(), Clock()
    post = Post(clock, office.connect)
    office.refuses = 3
    told: list[str] = []
    post.send("/sock", letter("a", lambda: told.append("a")))
    post.send("/sock", letter("b", lambda: told.append("b")))
    clock.advance(0)
    assert office.taken == []
    clock.advance(1)
    clock.advance(2)

    assert office.taken == ["a", "b"]
    assert told == ["a", "b"]
    assert office.connections == 4
    assert office.open == 1
    post.stop()
    assert office.open == 0


def test_an_event_is_given_up_some_time_and_the_next_one_is_tried():
    """Nobody listens for long: whoever waits for the first one is told that it is over."""
    office, clock = Office(), Clock()
    post = Post(clock, office.connect)
    office.is_there = False
    told: list[str] = []
    post.send("/sock", letter("a", lambda: told.append("a")))
    post.send("/sock", letter("b", lambda: told.append("b")))
    for _ in range(30):
        clock.advance(1)
        if told:
            office.is_there = True

    assert told == ["a", "b"]
    assert office.taken == ["b"]
    post.stop()


def test_not_more_than_so_many_wait():
    """The oldest are given up, but never the one that is on its way."""
    office = Office()
    post = Post(Clock(), office.connect)
    office.is_slow = True
    told: list[int] = []
    for number in range(2050):
        post.send("/sock", letter(str(number), lambda number=number: told.append(number)))

    assert told == [1, 2]
    while office.answers:
        office.answers.pop().callback(b"")
    assert office.taken[:3] == ["0", "3", "4"]
    assert len(office.taken) == 2048
    post.stop()


def test_an_idle_connection_is_closed():
    """And made again for the next event."""
    office, clock = Office(), Clock()
    post = Post(clock, office.connect)
    post.send("/sock", letter("a"))
    assert office.open == 1
    clock.advance(31)
    assert office.open == 0
    post.send("/sock", letter("b"))

    assert office.taken == ["a", "b"]
    post.stop()
    assert clock.getDelayedCalls() == []


def test_without_an_address_nobody_wants_to_know():
    """That is as good as told."""
    office = Office()
    told: list[str] = []

    Post(Clock(), office.connect).send("", letter("a", lambda: told.append("a")))

    assert (office.taken, told) == ([], ["a"])
