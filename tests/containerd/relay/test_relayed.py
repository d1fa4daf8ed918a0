"""Connections of containerd through a relay in a process of its own, with daemons that come and go."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from random import Random

import pytest

from runjd.containerd.relay.kept import COUNT_MAX
from runjd.protocols.ttrpc.envelope import Response, format_response
from runjd.protocols.ttrpc.frames import DATA_MAX, REQUEST, RESPONSE, format_frame
from runjd.protocols.ttrpc.status import INVALID_ARGUMENT, RESOURCE_EXHAUSTED
from tests.containerd.relay.caller import Listening
from tests.containerd.relay.running import ORIGIN, RunningRelay
from tests.functional.daemon import wait_until
from tests.rights import without_rights


@pytest.fixture
def relay(private_dir):
    """Return a relay without a daemon."""
    made = RunningRelay(private_dir)
    yield made
    made.stop()


@pytest.fixture
def daemon(relay):
    """Return a place where a daemon would listen."""
    made = Listening(f"{relay.directory}/socket")
    yield made
    made.close()


def said(answer):
    """Return pid, whether it was repeated, stream and payload that a daemon of the test answered."""
    stream, response = answer
    pid, repeated, said_stream, payload = response.payload.split(b" ", 3)
    assert (stream, response.number) == (int(said_stream), 0)
    return int(pid), repeated == b"1", stream, payload


def test_a_daemon_that_is_killed_is_not_noticed(relay):
    """Calls that wait are answered by the next one, those made in between, too; each once, and on its stream."""
    first = relay.start_daemon().pid
    with relay.connect() as one, relay.connect() as two:
        one.send(1, "Later", b"wait")
        one.send(3, "Now", b"a")
        two.send(1, "Now", b"b")
        assert said(one.answer()) == (first, False, 3, b"a")
        assert said(two.answer()) == (first, False, 1, b"b")
        relay.kill_daemon()
        two.send(3, "Now", b"c")
        time.sleep(0.1)
        second = relay.start_daemon().pid
        two.send(5, "Now", b"d")
        assert [said(two.answer()) for _ in range(2)] == [(second, False, 3, b"c"), (second, False, 5, b"d")]
        relay.kill_daemon()
        relay.release()
        third = relay.start_daemon().pid

        assert said(one.answer()) == (third, True, 1, b"wait")


def test_a_daemon_is_killed_again_and_again_and_every_call_is_answered_once(relay):
    """However the deaths fall, answers are neither lost nor doubled."""
    relay.start_daemon()
    with relay.connect() as caller:
        caller.send(1, "Later", b"last")
        for turn in range(2):
            for call in range(20):
                caller.send(3 + 2 * (20 * turn + call), "Now")
            relay.kill_daemon()
            relay.start_daemon()
        relay.release()
        answers = [said(caller.answer())[2] for _ in range(41)]

    assert sorted(answers) == list(range(1, 83, 2))


def test_an_answer_that_is_cut_off_is_asked_for_again(relay, daemon):
    """A daemon that dies within its answer gave none; the next one is told that the call may have been carried out."""
    with relay.connect() as caller:
        caller.send(1, "Now", b"x")
        first = daemon.accept()
        hello = first.hello()
        asked = first.request()
        frame = format_frame(1, RESPONSE, format_response(Response(b"y" * 100)))
        first.socket.sendall(frame[:-1])
        first.close()
        second = daemon.accept()

        assert second.hello() == hello._replace(repeated=1)
        assert second.request() == asked
        second.socket.sendall(frame)
        assert caller.answer() == (1, Response(b"y" * 100))
        second.close()
    assert (hello.origin, hello.repeated) == (ORIGIN, 0)


def test_a_daemon_that_died_with_calls_on_their_way_has_answered_what_it_has(relay, daemon):
    """What it sent before is read, though what is to be sent to it cannot be; nothing of that is carried out twice."""
    with relay.connect() as caller:
        caller.send(1, "Now")
        first = daemon.accept()
        first.hello()
        first.request()
        for stream in (3, 5):  # more than a socket holds
            caller.send(stream, "Now", bytes(DATA_MAX - 1000))
        wait_until(caller.is_read, "the relay has not read the calls")
        wait_until(lambda: select.select([first.socket], [], [], 0)[0], "the relay sends nothing")
        os.kill(relay.process.pid, signal.SIGSTOP)
        first.socket.sendall(format_frame(1, RESPONSE, format_response(Response(b"y"))))
        first.close()
        os.kill(relay.process.pid, signal.SIGCONT)

        assert caller.answer() == (1, Response(b"y"))
        second = daemon.accept()
        assert second.hello().repeated == 5
        assert [second.request()[0] for _ in range(2)] == [3, 5]
        second.close()


def test_what_was_answered_is_not_asked_again(relay, daemon):
    """The next daemon gets the calls that wait, in order, and none that its predecessor was not given is repeated."""
    with relay.connect() as caller:
        for stream in (1, 3, 5):
            caller.send(stream, "Now")
        first = daemon.accept()
        first.hello()
        assert [first.request()[0] for _ in range(3)] == [1, 3, 5]
        first.socket.sendall(format_frame(3, RESPONSE, b""))
        assert caller.answer() == (3, Response())
        first.close()
        caller.send(7, "Now")
        second = daemon.accept()

        assert second.hello().repeated in (5, 7)
        assert [second.request()[0] for _ in range(3)] == [1, 5, 7]
        second.close()


def test_answers_that_nobody_waits_for_go_nowhere(relay, daemon):
    """containerd gets one answer for each call, whatever a daemon sends: of strange streams and kinds it gets none."""
    with relay.connect() as caller:
        caller.send(1, "Now")
        served = daemon.accept()
        served.hello()
        for stream, kind in ((5, RESPONSE), (1, REQUEST), (1, RESPONSE), (1, RESPONSE)):
            served.socket.sendall(format_frame(stream, kind, b""))
        caller.send(3, "Now")
        assert [served.request()[0] for _ in range(2)] == [1, 3]
        served.socket.sendall(format_frame(3, RESPONSE, b""))

        assert [caller.answer() for _ in range(2)] == [(1, Response()), (3, Response())]
        served.close()


def test_an_answer_that_is_too_long_is_an_error(relay, daemon):
    """RESOURCE_EXHAUSTED instead, and the connection goes on."""
    with relay.connect() as caller:
        caller.send(1, "Now")
        served = daemon.accept()
        served.hello()
        size = DATA_MAX + 1
        served.socket.sendall(size.to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\2\0")

        assert caller.answer()[1].number == RESOURCE_EXHAUSTED
        served.close()


def test_a_connection_that_containerd_closes_is_closed_to_the_daemon(relay, daemon):
    """So its calls are cancelled; those of other connections are not."""
    with relay.connect() as other, relay.connect() as caller:
        other.send(1, "Now")
        first = daemon.accept()
        first.hello()
        caller.send(1, "Now")
        second = daemon.accept()
        second.hello()
        second.request()
        caller.socket.close()

        assert second.socket.recv(10) == b""
        first.socket.sendall(format_frame(1, RESPONSE, b""))
        assert other.answer() == (1, Response())
        first.close()
        second.close()


def test_each_connection_has_a_name_of_its_own(relay, daemon):
    """Two connections never have the same, so calls on the same stream can be told apart."""
    with relay.connect() as one, relay.connect() as two:
        one.send(1, "Now")
        two.send(1, "Now")
        served = [daemon.accept(), daemon.accept()]
        names = {each.hello().connection for each in served}

        assert len(names) == 2
        for each in served:
            each.close()


def test_bytes_that_make_no_sense_harm_nobody_else(relay, daemon):
    """Whatever containerd or a daemon sends on one connection, the others go on."""
    random = Random(7)
    with relay.connect() as other:
        other.send(1, "Now")
        served = daemon.accept()
        served.hello()
        for _ in range(40):
            with relay.connect() as caller:
                caller.socket.settimeout(0.01)
                with contextlib.suppress(OSError):
                    caller.socket.sendall(_noise(random))
                    caller.socket.recv(65536)
        with relay.connect() as caller:
            for stream in range(1, 21, 2):
                caller.send(stream, "Now")
                for _ in range(4):
                    # connections of callers that are gone already may come, too
                    noisy = daemon.accept()
                    with contextlib.suppress(OSError):
                        noisy.socket.sendall(_noise(random))
                    noisy.close()
        served.socket.sendall(format_frame(1, RESPONSE, b""))

        assert other.answer() == (1, Response())
        served.close()
    assert relay.process.poll() is None
    assert "Error" not in relay.log()


def _noise(random: Random) -> bytes:
    """Return bytes that look like frames, and are not always."""
    made = b""
    for _ in range(random.randrange(1, 6)):
        size = random.choice([0, 1, 9, 300, DATA_MAX + 1, 2**32 - 1])
        made += size.to_bytes(4, "big") + random.choice([0, 1, 2, 3, 5, 2**32 - 1]).to_bytes(4, "big")
        made += bytes([random.choice([0, 1, 2, 3, 82, 255]), random.randrange(256)])
        made += random.randbytes(min(size, 300) - random.choice([0, 0, 1]) if size else 0)
    return made


@pytest.mark.parametrize("stream", [0, 2])
def test_a_stream_that_breaks_the_rules_is_refused_without_a_daemon(relay, stream):
    """INVALID_ARGUMENT; also one that is used again."""
    with relay.connect() as caller:
        caller.send(stream, "Now")
        assert caller.answer()[1].number == INVALID_ARGUMENT
        caller.send(3, "Now")
        caller.send(3, "Now")
        assert caller.answer()[1].number == INVALID_ARGUMENT


def test_what_waits_is_bounded_by_number(relay, daemon):
    """Beyond it RESOURCE_EXHAUSTED, on the stream of the call that found no room; the others are served."""
    with relay.connect() as caller:
        for call in range(COUNT_MAX + 1):
            caller.send(2 * call + 1, "Now")
        stream, response = caller.answer()
        served = daemon.accept()
        served.hello()

        assert (stream, response.number) == (2 * COUNT_MAX + 1, RESOURCE_EXHAUSTED)
        assert [served.request()[0] for _ in range(COUNT_MAX)] == list(range(1, 2 * COUNT_MAX, 2))
        served.close()


def test_what_waits_is_bounded_by_size(relay):
    """Four of the longest requests are kept, and not the fifth; one that is too long is never held."""
    with relay.connect() as caller:
        for stream in (1, 3, 5, 7, 9):
            caller.send(stream, "Now", bytes(DATA_MAX - 100))
        assert caller.answer()[0] == 9
        size = DATA_MAX + 1
        caller.socket.sendall(size.to_bytes(4, "big") + (11).to_bytes(4, "big") + b"\1\0" + bytes(size))
        stream, response = caller.answer()

        assert (stream, response.number) == (11, RESOURCE_EXHAUSTED)
        with open(f"/proc/{relay.process.pid}/statm", encoding="ascii") as file:
            assert int(file.read().split()[1]) * 4096 < 100 << 20


def test_a_containerd_that_does_not_listen_is_waited_for(relay, daemon):
    """Answers pile up to a bound, then the daemon is not read; when it listens again, all come."""
    with relay.connect() as caller, relay.connect() as other:
        caller.send(1, "Now")
        served = daemon.accept()
        served.hello()
        payload = bytes(1 << 20)
        frames = b"".join(format_frame(each, RESPONSE, format_response(Response(payload))) for each in (1, 3, 5, 7))
        for stream in (3, 5, 7):
            caller.send(stream, "Now")
        for _ in range(4):
            served.request()
        served.socket.settimeout(0.3)
        with pytest.raises(TimeoutError):
            served.socket.sendall(frames)
        other.send(1, "Now")
        daemon.accept().close()

        assert caller.answer() == (1, Response(payload))
        served.close()


@pytest.mark.root
def test_a_process_of_another_user_is_refused(relay):
    """Even where it can reach the socket: the relay asks the kernel whose it is."""
    wait_until(lambda: "serves default" in relay.log(), "the relay does not start")
    os.chmod(os.path.dirname(relay.directory), 0o755)
    os.chmod(relay.directory, 0o755)
    os.chmod(relay.path, 0o666)

    def connect():
        with relay.connect() as caller:
            assert caller.is_closed()

    without_rights(connect)
    os.chmod(os.path.dirname(relay.directory), 0o700)

    wait_until(lambda: "refused a process of user 65534" in relay.log(), "the relay does not tell")
