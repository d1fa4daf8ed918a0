"""Staying connected to the keeper."""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from runjd.errors import Busy, KeeperLost, WrongState
from runjd.protocols.keeperclient import KeeperAbsent
from runjd.supervise.connection import AbsentKeeper, KeeperConnection
from tests.supervise.world import error_of, value


class Client:
    """A client of a keeper that is only talked about."""

    def __init__(self, answer: Deferred) -> None:
        self._answer = answer
        self.is_connected = True

    def connect(self):
        return self._answer

    def disconnect(self):
        self.is_connected = False

    def shutdown(self):
        return fail(WrongState("a jail lives"))


class Bench:
    """A connection, and what it does."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.spawner = AbsentKeeper()
        self.answers: list[Deferred] = []
        self.clients: list[Client] = []
        self.starts = 0
        self.lost: list[str] = []
        self.connection = KeeperConnection(self.clock, self, self, self._make_client, self._start_keeper)

    def keeper_lost(self, reason):
        self.lost.append(reason)

    def _make_client(self, listener):
        self.clients.append(Client(self.answers.pop(0) if self.answers else fail(KeeperAbsent("nobody listens"))))
        return self.clients[-1]

    def _start_keeper(self):
        self.starts += 1


@pytest.fixture
def bench():
    """Return a connection that was not started."""
    return Bench()


def test_a_keeper_that_is_there_is_used(bench):
    """No other one is started, and requests go to it."""
    bench.answers = [succeed(None)]

    bench.connection.start()

    assert bench.starts == 0
    assert bench.spawner is bench.clients[0]


def test_a_keeper_is_started_where_there_is_none(bench):
    """It is connected to as soon as it listens, and no second one is started meanwhile."""
    bench.connection.start()
    assert bench.starts == 1
    bench.clock.pump([0.01] * 20)
    bench.answers = [succeed(None)]

    bench.clock.pump([0.05] * 4)

    assert bench.starts == 1
    assert bench.spawner is bench.clients[-1]
    assert bench.clock.getDelayedCalls() == []


def test_a_keeper_that_does_not_come_is_started_again(bench):
    """Not at once, but for ever."""
    bench.connection.start()
    bench.clock.pump([0.1] * 120)

    assert 2 <= bench.starts <= 3
    assert len(bench.clients) < 40


def test_a_keeper_that_refuses_is_asked_again(bench):
    """As where the last daemon's connection is not gone yet; no other keeper is started."""
    bench.answers = [fail(Busy("it has a daemon")), succeed(None)]
    bench.connection.start()
    bench.clock.advance(0.1)

    assert bench.starts == 0
    assert bench.spawner is bench.clients[1]


def test_a_lost_keeper_is_told_and_connected_to_again(bench):
    """Requests fail meanwhile."""
    bench.answers = [succeed(None), succeed(None)]
    bench.connection.start()

    bench.connection.keeper_lost("it closed the connection")

    assert bench.lost == ["it closed the connection"]
    assert isinstance(error_of(bench.spawner.delete("web")), KeeperLost)
    bench.clock.advance(0.1)
    assert bench.spawner is bench.clients[1]


def test_a_stopped_connection_is_closed(bench):
    """Nothing is tried again."""
    bench.answers = [succeed(None)]
    bench.connection.start()

    bench.connection.stop()

    assert not bench.clients[0].is_connected
    assert bench.clock.getDelayedCalls() == []


def test_stopping_while_there_is_no_keeper_ends_the_attempts(bench):
    """The daemon can end before it began."""
    bench.connection.start()

    bench.connection.stop()

    assert bench.clock.getDelayedCalls() == []


def test_a_keeper_that_was_ended_is_not_started_again(bench):
    """Its end is no loss."""
    bench.answers = [succeed(None)]
    bench.connection.start()
    bench.clients[0].shutdown = lambda: succeed(None)

    value(bench.connection.end_keeper())
    bench.connection.keeper_lost("it closed the connection")
    bench.clock.advance(60)

    assert bench.lost == []
    assert bench.starts == 0


def test_a_keeper_that_cannot_end_stays_connected(bench):
    """Its loss would still be a loss."""
    bench.answers = [succeed(None)]
    bench.connection.start()

    assert isinstance(error_of(bench.connection.end_keeper()), WrongState)
    bench.connection.keeper_lost("it died")

    assert bench.lost == ["it died"]
    bench.connection.stop()


@pytest.mark.parametrize(
    "ask",
    [
        lambda keeper: keeper.run("web", "/b", "", stdin=False, size=None, note={}),
        lambda keeper: keeper.exec("web", "x1", {}, stdin=False, size=None, note={}),
        lambda keeper: keeper.signal("web", 9),
        lambda keeper: keeper.delete("web"),
        lambda keeper: keeper.close_stdin("web"),
        lambda keeper: keeper.stdin("web"),
        lambda keeper: keeper.process("web"),
        lambda keeper: keeper.shutdown(),
    ],
)
def test_an_absent_keeper_fails_all(ask):
    """Every request says that the keeper is lost."""
    assert isinstance(error_of(ask(AbsentKeeper())), KeeperLost)
