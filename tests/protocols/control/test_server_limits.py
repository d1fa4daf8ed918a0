"""What :mod:`runjd.protocols.control.server` does with clients that ask too much or read too little."""

from __future__ import annotations

import os

import pytest
import pytest_twisted

from runjd.errors import Busy
from runjd.policy.access import Rule, Subject
from runjd.policy.principal import Principal
from runjd.protocols.control.hall import KEPT, Limits
from runjd.protocols.control.outlet import MAX_EVENTS, STUCK
from runjd.protocols.control.reply import Announcement, parse_reply
from runjd.protocols.control.server import IDLE, LINGER
from runjd.supervise.memory import MemoryController
from tests.functional.verbs.wire import Server
from tests.protocols.control.offline import FULL, Offline


@pytest.fixture
def offline():
    """Return a connection without a socket."""
    made = Offline()
    yield made
    made.lose()


def test_a_client_that_never_reads_is_not_read_either(offline):
    """Of 100,000 commands no more are carried out than fit into the transport and the window."""
    for _ in range(100):
        if offline.socket.producerState == "paused":
            break
        offline.send(b"ping\n" * 1000)
    else:
        pytest.fail("the connection was read all the time")

    assert offline.socket.unread < FULL + 100
    offline.clock.advance(STUCK - 1)
    assert not offline.socket.is_aborted
    offline.clock.advance(2)
    assert offline.socket.is_aborted


def test_everything_is_answered_once_it_reads(offline):
    """A slow reader loses no reply."""
    offline.send(b"ping\n" * 5000)
    count = 0
    for _ in range(1000):
        count += offline.socket.read().count(b"\n")
        offline.clock.advance(0.01)
        if count == 5000:
            break

    assert count == 5000


def test_one_client_does_not_keep_the_reactor(offline):
    """A heap of requests is carried out in several turns of the reactor."""
    offline.protocol.dataReceived(b"ping\n" * 1000)

    assert offline.socket.value().count(b"\n") <= 256
    for _ in range(5):
        offline.clock.advance(0)
    assert offline.socket.value().count(b"\n") == 1000


def test_records_wait_where_they_are_made(offline):
    """A long reply takes no more memory than the transport's buffer while nobody reads it."""
    for number in range(3000):
        offline.jails.run(offline.jails.facts("web").definition._replace(id=f"jail{number}"), "uid:0")
    offline.send("status\nstatus")

    assert offline.socket.unread < FULL + 20_000
    assert offline.socket.read_all().count(b"\n") == 2 * 3002


def test_too_many_events_become_one_gap(offline):
    """Events beyond 256 KiB are dropped, and told as one gap once the client reads; later ones come again."""
    offline.say("subscribe")
    first = offline.jails.events.last_seq + 1
    for _ in range(100_000):
        offline.jails.events.emit("web", "notice", {"text": "x" * 50})
    assert offline.socket.unread < FULL + 10_000

    lines = [parse_reply(line) for line in offline.lines()]
    offline.jails.events.emit("web", "notice", {"text": "later"})
    after = parse_reply(offline.lines()[0])

    assert all(isinstance(line, Announcement) for line in [*lines, after])
    *shown, gap = lines
    assert [line.seq for line in shown] == list(range(first, first + len(shown)))
    assert gap.fields == {"ev": "gap", "lost": str(100_000 - len(shown))}
    assert gap.seq == first + 99_999
    assert after.seq == gap.seq + 1
    assert len(shown) * 110 < MAX_EVENTS + 2 * FULL


def test_a_follow_waits_for_its_reader(offline):
    """A follow of a busy jail holds a page, not the log."""
    offline.send("1 log web follow=yes lines=all")
    for number in range(2000):
        offline.jails.output("web", b"%07d %s\n" % (number, b"x" * 992))

    assert offline.socket.unread < FULL + 3 * 36_000
    lines = offline.lines()
    assert [int(line.split()[4]) for line in lines] == list(range(2000))


def test_signs_of_life_while_something_is_awaited(offline):
    """After 30 s of silence a comment is sent if a follow, a wait or a subscription is open, else nothing."""
    offline.clock.advance(3 * IDLE)
    assert offline.lines() == []
    offline.send("1 log web follow=yes")

    offline.clock.pump([IDLE, IDLE])

    assert offline.lines()[0] == "# still here"
    offline.say("cancel 1")
    offline.clock.pump([IDLE, IDLE, IDLE])
    assert offline.lines() == []


def test_what_nobody_foresaw(offline):
    """An unexpected exception becomes INTERNAL with a reference, and the connection goes on."""

    class Broken(MemoryController):
        def jails(self):
            raise ZeroDivisionError("secret")

    broken = Offline(Broken(offline.clock))

    [line] = broken.say("4 list")

    assert line == '-4 INTERNAL ref=7f3a91-1 msg="an internal error; the daemon\'s log tells more under 7f3a91-1"'
    assert broken.say("ping") == ["+ at=2025-11-23T15:01:20.102Z"]
    broken.lose()


def test_roles(offline):
    """Who has not the role is told which one is needed."""
    observer, operator = Offline(role="observer"), Offline(role="operator")

    assert observer.say("5 start web") == [
        (
            "-5 DENIED verb=start jail=web role=observer rule=none "
            'msg="start of web needs the role operator, which uid:0 does not have"'
        ),
    ]
    assert operator.say("run web /w") == [
        (
            "- DENIED verb=run jail=web role=operator rule=none "
            'msg="run of web needs the role admin, which uid:0 does not have"'
        )
    ]
    assert operator.say("stop web")[0].startswith("+ jail=web")
    assert observer.say("status")[-1] == "+ n=1"
    observer.lose()
    operator.lose()


@pytest_twisted.ensureDeferred
async def test_the_limit_of_connections(private_dir):
    """Over the limit the answer is BUSY and the connection closes; a place that is left can be taken."""
    server = Server(private_dir, Limits(connections=2))
    first, second = await server.connect(), await server.connect()
    third = await server.connect()
    assert third.greeting == '-? BUSY retry_ms=1000 msg="there are 2 connections already"'
    assert await third.end() == b""
    first.drop()
    await server.until(lambda: server.factory.hall.members == 1)

    assert (await server.connect()).greeting.startswith("! 0 ")
    assert (await second.say("ping")).startswith("+")
    await server.close()


@pytest_twisted.ensureDeferred
async def test_the_limit_of_each_user(private_dir):
    """One user cannot take all connections."""
    server = Server(private_dir, Limits(connections_of_user=1))
    await server.connect()

    wire = await server.connect()

    assert wire.greeting == f'-? BUSY retry_ms=1000 msg="uid:{os.getuid()} has 1 connections already"'
    await server.close()


def test_others_cannot_keep_admins_out(offline):
    """However many come together: the last places are for those who may do everything."""
    hall = offline.hall
    admin = Rule("access[0]", (Subject("uid", 7),), "admin")
    offline.guard.take((admin, Rule("access[1]", (Subject("anybody"),), "observer")))
    for number in range(Limits().connections - KEPT - hall.members):
        hall.admit(object(), Principal(1000 + number, 0))
    with pytest.raises(Busy, match="connections already"):
        hall.admit(object(), Principal(999, 0))

    for _ in range(KEPT):
        hall.admit(object(), Principal(7, 0))

    with pytest.raises(Busy, match="connections already"):
        hall.admit(object(), Principal(7, 0))


def test_who_is_refused_keeps_no_descriptor(offline):
    """A connection that does not end by itself, as one of TLS whose client says no good-bye, is ended soon."""
    offline.guard.take((Rule("access[0]", (Subject("uid", 7),), "admin"),))
    stranger = offline.again()
    assert stranger.greeting.startswith("-? DENIED ")

    offline.clock.pump([LINGER, LINGER])

    assert stranger.socket.is_aborted
    offline.lose()
    stranger.lose()


@pytest_twisted.ensureDeferred
async def test_everybody_is_told_that_the_daemon_ends(server, wire):
    """Connections are closed with BYE."""
    server.factory.close_all("the daemon ends")

    assert await wire.end() == b'-? BYE msg="the daemon ends"\n'
