"""The client of the control protocol, against a scripted daemon on a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable

import pytest

from runjd.cli.ctl.client import DEFAULT_SOCKET, connect, explain, socket_path
from runjd.errors import RunjdError
from runjd.protocols.control.request import Request
from tests.cli.scripted import HELLO, Peer, Scripted, answering

Start = Callable[..., Scripted]


def test_a_reply_is_its_records_text_and_fields(scripted: Start) -> None:
    """Records and text come in order, the last line's fields at the end."""
    daemon = scripted(answering(("status web", b"* jail=web pid=7\n| F line \\\\ one\\x1b\n+ n=1\n")))
    client = connect(daemon.path)
    answer = client.ask(Request("", "STATUS", ("web",)))
    client.close()
    assert answer.records == ({"jail": "web", "pid": "7"},)
    assert answer.text == (b"line \\ one\x1b",)
    assert answer.fields == {"n": "1"}


def test_the_greeting_is_kept(scripted: Start) -> None:
    """What the daemon says of itself can be shown."""
    client = connect(scripted(answering()).path)
    client.close()
    assert client.greeting["run"] == "7f3a91"


def test_a_failure_is_raised_with_its_code_and_words(scripted: Start) -> None:
    """What the daemon found wrong reaches the person word for word."""
    daemon = scripted(answering(("start webb", b'- NOJAIL jail=webb msg="no jail named \\"webb\\""\n')))
    client = connect(daemon.path)
    with pytest.raises(RunjdError) as caught:
        client.ask(Request("", "START", ("webb",)))
    client.close()
    assert (caught.value.code, caught.value.exit_status, str(caught.value)) == ("NOJAIL", 69, 'no jail named "webb"')


def test_comments_and_foreign_lines_are_skipped(scripted: Start) -> None:
    """Signs of life, events and lines of other tags are no part of a reply."""
    daemon = scripted(answering(("1 log web", b"# alive\n! 7 ev=state\n|2 F other\n|1 F mine\n+1\n")))
    client = connect(daemon.path)
    answer = client.ask(Request("1", "LOG", ("web",)))
    client.close()
    assert answer.text == (b"mine",)


def test_several_requests_are_answered_in_any_order(scripted: Start) -> None:
    """Tagged requests are all in flight; each answer or error finds its request."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert [peer.hear() for _ in range(3)] == ["1 stop a", "2 stop b", "3 stop c"]
        peer.say(b"+3 jail=c\n-1 NOJAIL msg=gone\n*2 jail=b\n+2\n")
        assert peer.hear_end() == b""

    client = connect(scripted(script).path)
    found = {
        request.words[0]: outcome
        for request, outcome in client.ask_all([Request("", "STOP", (name,)) for name in ("a", "b", "c")])
    }
    client.close()
    assert isinstance(found["a"], RunjdError)
    assert not isinstance(found["b"], RunjdError)
    assert found["b"].records == ({"jail": "b"},)
    assert not isinstance(found["c"], RunjdError)
    assert found["c"].fields == {"jail": "c"}


def test_a_connection_that_ends_before_the_answer_is_an_error(scripted: Start) -> None:
    """The end of the connection is no answer."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()

    client = connect(scripted(script).path)
    with pytest.raises(RunjdError, match="closed the connection") as caught:
        client.ask(Request("", "PING"))
    client.close()
    assert caught.value.code == "GONE"


def test_the_bye_explains_a_closed_connection(scripted: Start) -> None:
    """What the daemon says last is what the person reads, not that the connection broke."""

    def script(peer: Peer) -> None:
        peer.say(HELLO + b'-? BYE msg="the daemon ends"\n')

    client = connect(scripted(script).path)
    with pytest.raises(RunjdError, match="the daemon ends"):
        client.ask(Request("", "PING"))
    client.close()


@pytest.mark.parametrize("line", [b"what is this\n", b"+ n=1 n=2\n", b"* \xff\n", b"?\n", b"*x a=b\n"])
def test_a_line_that_is_not_of_the_protocol_is_an_error(scripted: Start, line: bytes) -> None:
    """A daemon that breaks the protocol is told from one that refuses."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        peer.hear()
        peer.say(line)
        peer.hear_end()

    client = connect(scripted(script).path)
    with pytest.raises(RunjdError, match="breaks the protocol") as caught:
        client.ask(Request("", "PING"))
    client.close()
    assert caught.value.code == "BYE"


@pytest.mark.parametrize("greeting", [b"SSH-2.0-OpenSSH_9.2\r\n", b"+ n=0\n", b"! 1 ev=state jail=web\n"])
def test_a_stranger_on_the_socket_is_recognised(scripted: Start, greeting: bytes) -> None:
    """Who does not greet as a runjd daemon is not spoken to."""
    daemon = scripted(lambda peer: peer.say(greeting))
    with pytest.raises(RunjdError, match="is not a runjd daemon"):
        connect(daemon.path)


def test_another_major_version_is_refused_naming_both(scripted: Start) -> None:
    """An old runjctl does not guess what a newer daemon means."""
    daemon = scripted(lambda peer: peer.say(HELLO.replace(b"proto=1", b"proto=2")))
    with pytest.raises(RunjdError, match="speaks protocol 2, and this runjctl speaks 1"):
        connect(daemon.path)


def test_a_full_daemon_says_so(scripted: Start) -> None:
    """Over the connection limit the refusal stands in the place of the greeting."""
    daemon = scripted(lambda peer: peer.say(b'-? BUSY retry_ms=100 msg="too many connections"\n'))
    with pytest.raises(RunjdError, match="too many connections") as caught:
        connect(daemon.path)
    assert caught.value.exit_status == 75


def test_a_daemon_that_does_not_run_is_explained(private_dir: str) -> None:
    """No socket: the message names it and says how to start the daemon."""
    with pytest.raises(RunjdError, match=f"no daemon at {private_dir}/control.* start") as caught:
        connect(os.path.join(private_dir, "control"))
    assert caught.value.exit_status == 74


def test_a_stale_socket_is_explained(private_dir: str) -> None:
    """A socket that nobody listens on is a daemon that does not run."""
    path = os.path.join(private_dir, "control")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(path)
    with pytest.raises(RunjdError, match="nobody listens"):
        connect(path)


def test_a_file_is_no_socket(private_dir: str) -> None:
    """A regular file, or a datagram socket, is told from a daemon that does not run."""
    path = os.path.join(private_dir, "file")
    with open(path, "w"):
        pass
    with pytest.raises(RunjdError, match="not a stream socket"):
        connect(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as datagram:
        datagram.bind(os.path.join(private_dir, "datagram"))
        with pytest.raises(RunjdError, match="not a stream socket"):
            connect(os.path.join(private_dir, "datagram"))


def test_missing_rights_are_explained() -> None:
    """EACCES becomes DENIED, with what to try."""
    error = explain("/run/x", PermissionError(13, "Permission denied"))
    assert (error.code, error.exit_status) == ("DENIED", 77)
    assert "as root" in str(error)


def test_a_path_longer_than_a_socket_address_works(private_dir: str) -> None:
    """The limit of sun_path is no limit for the directories above the socket, and the working directory stays."""
    deep = os.path.join(private_dir, *["d" * 60] * 3)
    os.makedirs(deep)
    here = os.getcwd()
    short = os.path.join(private_dir, "link")
    os.symlink(deep, short)
    daemon = Scripted(short, answering())
    try:
        connect(os.path.join(deep, "control")).close()
    finally:
        daemon.finish()
    assert here == os.getcwd()


def test_a_name_longer_than_a_socket_address_is_refused(private_dir: str) -> None:
    """What the kernel cannot do is said plainly."""
    with pytest.raises(RunjdError, match="more than 103 bytes"):
        connect(os.path.join(private_dir, "n" * 120))


def test_the_socket_is_the_option_then_the_environment_then_the_default() -> None:
    """What is named nearest counts."""
    assert socket_path("/a", {"RUNJD_SOCKET": "/b"}) == "/a"
    assert socket_path("", {"RUNJD_SOCKET": "/b"}) == "/b"
    assert socket_path(None, {"RUNJD_SOCKET": ""}) == DEFAULT_SOCKET


def test_events_come_one_by_one(scripted: Start) -> None:
    """A subscription yields events until the daemon says good-bye."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        assert peer.hear() == "subscribe ev=exit"
        peer.say(b"+ seq=4\n# alive\n! 5 jail=web ev=exit exit=0\n-? BYE msg=end\n")

    client = connect(scripted(script).path)
    events = client.events(Request("", "SUBSCRIBE", (), {"ev": "exit"}))
    assert ((event := next(events)).seq, event.fields["ev"]) == (5, "exit")
    with pytest.raises(RunjdError, match="end"):
        next(events)
    client.close()


def test_the_stream_begins_right_behind_the_answer(scripted: Start) -> None:
    """Bytes that came with the answer belong to the stream."""
    daemon = scripted(answering(("attach web mode=frame", b"+ jail=web terminal=no\nO 2\nhi")))
    client = connect(daemon.path)
    fields, rest = client.upgrade(Request("", "ATTACH", ("web",), {"mode": "frame"}))
    client.close()
    assert (fields["terminal"], rest) == ("no", b"O 2\nhi")
