"""The order in which the daemon comes up and goes down."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from runjd.errors import InputOutput, LimitReached
from runjd.supervise.daemon import KEEPER_LIMIT, LOGS_LIMIT, Daemon
from runjd.supervise.vigil import Vigil
from tests.supervise.eyes import Eyes


class Attendant:
    """Writes down that it goes on."""

    def __init__(self, done):
        self.done = done

    def start(self):
        self.done.append("attend")

    def stop(self):
        self.done.append("attend no more")


class Writer:
    """The writer of logs."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def start(self):
        if self._bench.write_error is not None:
            raise self._bench.write_error
        self._bench.done.append("write")

    def stop(self):
        self._bench.done.append("stop")


class Bench:
    """A daemon whose parts write down what happens to them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.done: list[str] = []
        self.adopted: Deferred[None] = Deferred()
        self.configured: Deferred[None] = succeed(None)
        self.written: Deferred[None] = succeed(None)
        self.open_error: Exception | None = None
        self.write_error: Exception | None = None
        self.daemon = Daemon(
            self.clock,
            self,
            self,
            self,
            self,
            Writer(self),
            Vigil(self, Eyes, self.clock.seconds),
            [Attendant(self.done)],
            at_start=lambda: self.done.append("start"),
            at_ready=lambda: self.done.append("ready"),
            at_stop=lambda: self.done.append("end"),
            fatal=lambda reason: self.done.append(f"fatal: {reason}"),
            unlock=lambda: self.done.append("unlock"),
        )

    # reactor
    def addReader(self, reader):
        self.done.append("watch")

    def removeReader(self, reader):
        self.done.append("unwatch")

    # controller
    def when_ready(self):
        return self.adopted

    def note_ends(self):
        self.done.append("note ends")

    def let_go(self):
        self.done.append("let go")
        return self.written

    # configuration
    def begin(self):
        self.done.append("configure")
        return self.configured

    def end(self):
        self.done.append("configure no more")

    # connection
    def start(self):
        self.done.append("connect")

    def stop(self):
        self.done.append("stop")

    # door
    def open(self):
        if self.open_error is not None:
            raise self.open_error
        self.done.append("open")

    def close(self, reason):
        self.done.append("close")


@pytest.fixture
def bench():
    """Return a daemon."""
    return Bench()


def test_clients_come_in_when_all_jails_are_adopted(bench):
    """Nobody sees half a daemon, or one without its jails; exits are watched before the first jail is known."""
    bench.daemon.startService()
    assert bench.done == ["start", "write", "watch", "attend", "connect"]

    bench.adopted.callback(None)

    assert bench.done == ["start", "write", "watch", "attend", "connect", "configure", "open", "ready"]
    assert bench.clock.getDelayedCalls() == []


def test_the_end_is_in_order(bench):
    """The service manager is told; then reloads, clients, output, keeper, what goes on beside, writer, lock."""
    bench.daemon.startService()
    bench.adopted.callback(None)
    bench.done.clear()

    ended = bench.daemon.stopService()

    assert ended.called
    assert bench.done == [
        "end",
        "configure no more",
        "note ends",
        "close",
        "let go",
        "stop",
        "attend no more",
        "unwatch",
        "stop",
        "unlock",
    ]
    assert bench.clock.getDelayedCalls() == []


def test_a_full_disk_does_not_keep_the_daemon_from_ending(bench):
    """It is waited for, but not for ever."""
    bench.written = Deferred()
    bench.daemon.startService()
    ended: list = []
    bench.daemon.stopService().addCallback(ended.append)
    assert not ended

    bench.clock.advance(LOGS_LIMIT)

    assert len(ended) == 1
    bench.written.callback(None)


def test_a_keeper_that_does_not_answer_is_fatal(bench):
    """One line says so."""
    bench.daemon.startService()

    bench.clock.advance(KEEPER_LIMIT)

    assert bench.done == [
        "start",
        "write",
        "watch",
        "attend",
        "connect",
        "fatal: the keeper did not answer within 20 s",
    ]


def test_a_writer_that_gets_no_thread_is_fatal(bench):
    """Nobody depends on it yet."""
    bench.write_error = LimitReached("can't start new thread to write logs")

    bench.daemon.startService()

    assert bench.done == ["start", "fatal: can't start new thread to write logs"]


def test_a_socket_that_cannot_be_made_is_fatal(bench):
    """One line says which, and why."""
    bench.open_error = InputOutput("the control socket /x cannot be made: No such file or directory")
    bench.daemon.startService()

    bench.adopted.callback(None)

    assert bench.done[-1] == "fatal: the control socket /x cannot be made: No such file or directory"


def test_a_daemon_that_ends_before_it_began_opens_nothing(bench):
    """The adoption that comes too late changes nothing."""
    bench.daemon.startService()
    bench.daemon.stopService()

    bench.adopted.callback(None)

    assert "open" not in bench.done


def test_the_keeper_is_let_go_with_the_jails(bench):
    """An exit that comes while the logs are written is left to the next daemon, not acknowledged by this one."""
    bench.written = Deferred()
    bench.daemon.startService()
    bench.daemon.stopService()

    assert bench.done[-2:] == ["let go", "stop"]
    bench.written.callback(None)
