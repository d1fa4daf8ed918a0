"""One who came, between his socket and that of the daemon, on real sockets and on a clock of the test."""

from __future__ import annotations

import contextlib
import gc
import ssl
import weakref
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runjd.access.porter.departures import Departures
from runjd.access.porter.passage import LOOK
from runjd.access.porter.side import LIMIT
from runjd.access.porter.word import parse_word
from runjd.access.showing import Showing
from tests.access.papers import authority
from tests.access.passing import (
    PATIENCE,
    SHORT,
    CountingLoop,
    Hall,
    alice_of,
    drain,
    fill,
    hello,
    is_closed,
    showing_of,
)

#: the beginning of a record of TLS: handshake, version, length
_RECORD = b"\x16\x03\x01"


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a directory with an authority."""
    return authority(tmp_path_factory.mktemp("tls") / "tls")


@pytest.fixture(scope="module")
def showing(directory: str) -> Showing:
    """Return what shows a certificate."""
    return showing_of(directory)


@pytest.fixture(scope="module")
def context(directory: str) -> ssl.SSLContext:
    """Return what alice speaks with."""
    return alice_of(directory)


@pytest.fixture
def hall(showing: Showing) -> Iterator[Hall]:
    """Return a passage."""
    made = Hall(showing)
    yield made
    made.close()


@given(st.lists(st.binary(max_size=100), max_size=8), st.sampled_from(["raw", "record", "hello"]), st.integers(0, 600))
@example([b"GET / HTTP/1.1\r\n\r\n"], "raw", 0)
@example([b""], "hello", 600)
def test_noise_is_turned_away(showing: Showing, pieces: list[bytes], kind: str, cut: int) -> None:
    """Noise, records of noise, and a true beginning that goes on as noise: nothing of it reaches the daemon."""
    hall = Hall(showing)
    for each in ({"raw": b"", "record": _RECORD, "hello": hello()[:cut]}[kind], *pieces):
        with contextlib.suppress(OSError):
            hall.visitor.send(each)
        hall.loop.settle()
    hall.visitor.close()
    hall.loop.settle()

    said, end, rest = drain(hall.daemon).partition(b"\n")
    assert (end, rest) == (b"\n", b"")
    names, reason = parse_word(said)
    assert (names, bool(reason)) == ((), True)
    assert is_closed(hall.daemon)
    hall.close()


def test_what_is_said_arrives(hall: Hall, context: ssl.SSLContext) -> None:
    """Both ways, whatever its length; and the daemon's end is a good-bye behind all of it."""
    hall.come_in(context)
    hall.say(b"status\n" * 20_000)
    assert hall.heard() == b"status\n" * 20_000
    hall.daemon.sendall(b"jail=web\n" * 1000)
    hall.daemon.close()
    hall.pump()

    assert hall.read() == b"jail=web\n" * 1000
    assert is_closed(hall.visitor)
    assert hall.tls is not None
    hall.tls.unwrap()  # which fails where the other end has not said its good-bye
    assert not hall.left
    hall.visitor.close()
    hall.loop.settle()
    assert hall.left


def test_the_end_of_who_came_is_that_of_all(hall: Hall, context: ssl.SSLContext) -> None:
    """The daemon gets what he said before."""
    hall.come_in(context)
    assert hall.tls is not None
    hall.tls.write(b"quit\n")
    with contextlib.suppress(ssl.SSLWantReadError):
        hall.tls.unwrap()
    hall.pump()

    assert hall.heard() == b"quit\n"
    assert is_closed(hall.daemon)
    assert hall.left


def test_who_does_not_read_is_told_no_more_than_fits(hall: Hall, context: ssl.SSLContext) -> None:
    """The daemon is not read, nor is he; nobody turns in circles; when he reads, it goes on."""
    hall.come_in(context)
    sent = hall.fill_up()
    more = fill(hall.daemon)
    assert more == 0
    before = hall.loop.calls
    hall.loop.settle(LOOK)
    assert hall.loop.calls == before

    received = 0
    while received < sent:
        hall.pump()
        received += len(hall.read())
        hall.loop.settle()
    assert received == sent


def test_whom_the_daemon_leaves_and_who_does_not_read_is_cut_off(hall: Hall, context: ssl.SSLContext) -> None:
    """After a while, in which he could; the process does not turn in circles meanwhile."""
    hall.come_in(context)
    hall.fill_up()
    hall.daemon.close()
    hall.loop.settle(LOOK)
    before = hall.loop.calls
    for _ in range(10):
        hall.loop.settle(LOOK)
    assert hall.loop.calls == before
    assert not hall.left

    hall.loop.settle(PATIENCE)
    assert hall.left


def test_what_the_daemon_said_last_is_read_late(hall: Hall, context: ssl.SSLContext) -> None:
    """All of it, also what was in no buffer of ours yet."""
    hall.come_in(context)
    sent = hall.fill_up()
    hall.daemon.close()
    hall.loop.settle(LOOK)

    received = 0
    while received < sent:
        hall.pump()
        received += len(hall.read())
    assert received == sent
    hall.pump()
    assert is_closed(hall.visitor)


def test_a_daemon_that_does_not_read_is_told_no_more_than_fits(hall: Hall, context: ssl.SSLContext) -> None:
    """Who came is not read then, and that he has gone is noticed all the same."""
    hall.come_in(context)
    assert hall.tls is not None
    with contextlib.suppress(BlockingIOError):
        while True:
            hall.tls.write(bytes(4096))
            hall.visitor.send(hall._out.read())
            hall.loop.settle()
    before = hall.loop.calls
    hall.loop.settle(LOOK)
    assert hall.loop.calls == before

    hall.visitor.close()
    hall.loop.settle(LOOK)
    assert len(hall.heard()) > LIMIT
    assert is_closed(hall.daemon)
    assert hall.left


def test_a_daemon_that_waits_to_be_heard_does_not_wait_for_who_has_gone(hall: Hall, context: ssl.SSLContext) -> None:
    """It reads on once what it says is taken; so it is dropped, and the daemon gets what was said, and the end."""
    hall.come_in(context)
    assert hall.tls is not None
    with contextlib.suppress(BlockingIOError):
        while True:
            hall.tls.write(bytes(4096))
            hall.visitor.send(hall._out.read())
            hall.loop.settle()
    hall.fill_up()
    hall.visitor.close()
    hall.loop.settle(LOOK)

    assert fill(hall.daemon)
    hall.loop.settle()
    hall.heard()
    assert is_closed(hall.daemon)
    assert hall.left


def test_a_handshake_that_the_daemon_gives_up_is_cut_off(hall: Hall) -> None:
    """Whatever came of it."""
    hall.visitor.sendall(hello()[:50])
    hall.loop.settle()
    hall.daemon.close()
    hall.loop.settle(LOOK)

    assert is_closed(hall.visitor)
    assert hall.left


def test_who_is_turned_away_can_read_why(hall: Hall) -> None:
    """An alert, and then the end; who does not close has not long."""
    hall.visitor.sendall(_RECORD + b"\0\5\1\0\0\1\0")
    hall.loop.settle()
    assert drain(hall.daemon).startswith(b"- ")
    assert is_closed(hall.daemon)
    assert drain(hall.visitor)[:1] == b"\x15"
    assert is_closed(hall.visitor)
    before = hall.loop.calls
    hall.loop.settle()
    assert (hall.loop.calls, hall.left) == (before, False)

    hall.loop.settle(SHORT)
    assert hall.left


def test_who_speaks_http_is_told_so(hall: Hall) -> None:
    """In his own language."""
    hall.visitor.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    hall.loop.settle()

    assert drain(hall.daemon) == b"- it speaks HTTP\n"
    assert drain(hall.visitor).startswith(b"HTTP/1.0 400 ")


@pytest.mark.parametrize("how", ["noise", "his end", "the end of the daemon"])
def test_nothing_is_kept_of_who_has_left(showing: Showing, context: ssl.SSLContext, how: str) -> None:
    """At once, and not when somebody looks for what nobody needs any more: it is much."""
    gc.disable()
    try:
        hall = Hall(showing)
        passage = weakref.ref(hall.passage)
        if how == "noise":
            hall.visitor.sendall(b"nonsense")
        else:
            hall.come_in(context)
        if how == "the end of the daemon":
            hall.daemon.close()
        hall.loop.settle(LOOK)
        del hall.passage
        hall.close()
        assert passage() is None
    finally:
        gc.enable()


def test_nobody_is_kept_waiting_by_those_who_leave() -> None:
    """Of them there are few: the first of more is cut off."""
    loop = CountingLoop()
    said: list[int] = []
    acts = [lambda number=number: said.append(number) for number in range(3)]
    departures = Departures(loop, 2, PATIENCE)
    for each in acts:
        departures.begin(each)
    departures.begin(acts[1])
    assert said == [0]
    departures.end(acts[2])
    loop.settle(PATIENCE)

    assert said == [0, 1]
