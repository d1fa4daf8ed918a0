"""The parsers, in memory."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence

from twisted.internet.task import Clock

from runjd.errors import SyntaxFault
from runjd.keeper import messages
from runjd.keeper.channel import Parcel
from runjd.keeper.wire import DESCRIPTORS_MAX, MESSAGE_MAX, WireError, encode
from runjd.keeper.wire import FrameReader as WireReader
from runjd.protocols import keeperreplies
from runjd.protocols.attach import MAX_FRAME, FrameReader, format_frame, parse_named, parse_size
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.reply import Failure, parse_reply
from runjd.protocols.control.server import MAX_EARLY
from runjd.protocols.ttrpc.conversation import CALLS_MAX, Conversation
from runjd.protocols.ttrpc.envelope import Request, format_request
from runjd.protocols.ttrpc.frames import REQUEST, RESPONSE
from runjd.protocols.ttrpc.frames import Frame as TtrpcFrame
from runjd.protocols.ttrpc.frames import FrameReader as TtrpcReader
from runjd.protocols.ttrpc.frames import format_frame as format_ttrpc
from tests.fuzz.passages import PASSAGES
from tests.fuzz.smith import Smith
from tests.fuzz.target import Target
from tests.protocols.control.offline import Offline
from tests.protocols.ttrpc.conversing import ORIGIN, Scripted

#: requests as people write them, and as they should not
LINES = (
    *(
        b"status\n",
        b"1 list\n",
        b"log web lines=3\n",
        b"2 log web follow=yes\n",
        b"cancel 2\n",
        b"help run\n",
        b"caps\n",
    ),
    *(b"exec web -- env FOO=bar\n", b'exec web "a \\x41\\n" env.1=A=b user=0:0 mode=frame\n', b"attach web mode=raw\n"),
    *(b"attach web mode=frame rows=4 cols=5\n", b"run x /b runtime=memory rm=yes\n", b"run x /b mode=frame\n"),
    *(b"stop web wait=none\n", b"3 start web wait=ready timeout=1\n", b"restart web grace=0\n", b"pause web\n"),
    *(b"subscribe since=7f3a91:0 ev=exit,state jail=w*\n", b"unsubscribe\n", b"wait web timeout=1\n", b"kill web 17\n"),
    *(
        b"log rotate\n",
        b"reload dry-run=yes\n",
        b"sessions\n",
        b"sessions close=1\n",
        b"hello 1\n",
        b"whoami\n",
        b"quit\n",
    ),
    *(
        b"GET / HTTP/1.1\r\n",
        b"status\r",
        b"\r\r\r",
        b"# nothing\n",
        b"\n",
        b'list "unclosed\n',
        b"delete web force=yes\n",
    ),
)
FRAMES = (
    *(
        format_frame("I", b"input\n"),
        format_frame("I", b""),
        format_frame("I", b"x" * 65536),
        format_frame("W", b"4 5"),
    ),
    *(
        format_frame("P"),
        format_frame("C"),
        format_frame("Q", b"unknown"),
        b"I 65537\n",
        b"I 007\n",
        b"I -1\n",
        b"O 3\nabc",
    ),
    *(format_frame("G", b"lost=1"), format_frame("X", b'exit=0 msg="x"'), b"I", b"I 12", b"\n"),
)


class ControlLines(Target):
    """A connection of the control protocol, which answers whatever came before, or is closed."""

    name = "control lines"
    seeds = LINES

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        offline = Offline()
        self._throw(offline, smith, pieces)
        offline.lose()

    def _throw(self, offline: Offline, smith: Smith, pieces: Sequence[bytes]) -> None:
        received = b""
        for piece in pieces:
            if not is_open(offline):
                break
            offline.send(piece)
            assert offline.protocol._reader.pending <= MAX_LINE + MAX_EARLY + len(piece)
            received += offline.socket.read_all()
        if offline.protocol._stream is not None:
            return  # what follows is the program's
        if smith.flip() and is_open(offline):
            offline.protocol.readConnectionLost()
            received += offline.socket.read_all()
        elif is_open(offline):
            offline.send(b"\n777777777 ping\n")
            answer = offline.socket.read_all()
            # the line feed may have completed a request for a stream
            is_waiting = offline.protocol._requests.is_turning or offline.protocol._stream is not None
            assert b"+777777777 at=" in answer or not is_open(offline) or is_waiting, f"no answer but {answer!r}"
            received += answer
        if offline.protocol._stream is None:
            check_lines(received)


class AttachFrames(Target):
    """The frames of a viewer, and those of a server."""

    name = "attach frames"
    seeds = FRAMES

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        offline = Offline()
        offline.send(b"attach web mode=frame\n")
        assert offline.socket.read_all().startswith(b"+ ")
        for piece in pieces:
            if not is_open(offline):
                break
            offline.send(piece)
            offline.socket.read_all()
        offline.lose()
        reader = FrameReader()
        try:
            for piece in pieces:
                for frame in reader.feed(piece):
                    assert len(frame.data) <= MAX_FRAME
                    _read_or_refuse(parse_size if frame.kind == "W" else parse_named, frame.data)
                assert len(reader._buffer) <= MAX_FRAME + 8
        except SyntaxFault:
            pass


class KeeperWire(Target):
    """What a keeper says, as the daemon reads it."""

    name = "the keeper's wire"
    seeds = (
        encode(messages.tell_hello(7, "boot")),
        encode(messages.tell_process("web", "", 7, 8, 9, False, ["out", "err"], True, {"a": 1}, ["n"]), 2),
        encode(messages.tell_done(3)),
        encode(messages.tell_exit("web", "", 7, 0, None, 1.5, False, True)),
        encode({"m": "failed", "req": 4, "error": {"code": "STATE", "message": "x", "details": {"jail": "web"}}}),
        encode(
            {"m": "done", "req": 4, "pid": 1, "start": 2, "jid": 3, "terminal": False, "streams": [], "notices": []}
        ),
        encode({"m": "done", "process": {"args": ["a"], "env": ["A=b"]}, "req": 2}),
        b"\xff\xff\xff\xff\0\0",
        b"\2\0\0\0\0\0[]",
    )

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        reader = WireReader()
        try:
            for piece in pieces:
                for frame in reader.feed(piece):
                    assert frame.descriptors <= DESCRIPTORS_MAX
                    for read in _READERS:
                        # descriptors of our own: a reader that refuses closes them
                        found = tuple(os.open(os.devnull, os.O_RDONLY) for _ in range(min(frame.descriptors, 4)))
                        _read_reply(read, Parcel(frame.message, found))
                assert len(reader.rest) <= MESSAGE_MAX + 6
        except WireError:
            pass


class Ttrpc(Target):
    """A conversation with containerd."""

    name = "ttrpc"
    seeds = (
        *(
            format_ttrpc(stream, REQUEST, format_request(Request("test.Echo", method, b"payload", timeout=timeout)))
            for stream, method, timeout in ((1, "Now", 0.0), (3, "Later", 0.5), (5, "Never", 1e20), (7, "Huge", 0.0))
        ),
        format_ttrpc(9, RESPONSE, b"\x0a\x00"),
        format_ttrpc(11, 3, b"data"),
        format_ttrpc(2, REQUEST, b"even"),
        b"\xff\xff\xff\xff\0\0\0\x0d\1\0",
        b"\0\0\0\4\0\0\0\x0f\1\0\x0a\xff\xff\xff",
        b"\0" * 10,
    )

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        clock, written = Clock(), bytearray()
        conversation = Conversation(ORIGIN, "c", Scripted(), clock, written.extend)
        for piece in pieces:
            conversation.received(piece)
            assert conversation.open_calls <= CALLS_MAX
        clock.advance(1.0)
        answers = TtrpcReader()
        found = answers.feed(bytes(written))
        assert answers.is_between
        assert all(isinstance(each, TtrpcFrame) and each.kind == RESPONSE for each in found)
        conversation.lost()
        assert not clock.getDelayedCalls()
        assert conversation.open_calls == 0


def is_open(offline: Offline) -> bool:
    """Return whether the server has not closed the connection."""
    return not (offline.socket.disconnecting or offline.socket.is_aborted or offline.protocol._is_closing)


def check_lines(received: bytes) -> None:
    """Check that all of it is lines of the protocol, and that nobody met what he had not foreseen."""
    assert received == b"" or received.endswith(b"\n"), f"half a line: {received[-100:]!r}"
    for line in received.split(b"\n")[:-1]:
        assert len(line) < MAX_LINE, f"too long: {line[:100]!r}"
        found = parse_reply(line.decode())
        assert not (isinstance(found, Failure) and found.code == "INTERNAL"), f"{line!r}"


def _read_or_refuse(read: Callable[[bytes], object], data: bytes) -> None:
    try:
        read(data)
    except SyntaxFault:
        pass


def _read_reply(read: Callable[[Parcel], object], parcel: Parcel) -> None:
    try:
        read(parcel)
    except keeperreplies.ReplyError:
        return  # which has closed them
    finally:
        for fd in parcel.descriptors:
            try:
                os.close(fd)
            except OSError:
                continue
    json.dumps(parcel.message)


_READERS: tuple[Callable[[Parcel], object], ...] = (
    keeperreplies.read_greeting,
    keeperreplies.read_request,
    keeperreplies.read_launched,
    keeperreplies.read_found,
    keeperreplies.read_exited,
    keeperreplies.read_only_descriptor,
    keeperreplies.read_process,
)

IN_MEMORY: tuple[Callable[[], Target], ...] = (ControlLines, AttachFrames, KeeperWire, Ttrpc, *PASSAGES)
