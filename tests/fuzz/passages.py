"""The porter, at which strangers throw what is nearly TLS, before and after their handshake."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Sequence

from runjd.access.porter.side import LIMIT
from runjd.access.porter.word import parse_word
from tests.access.papers import authority
from tests.access.passing import Hall, alice_of, drain, hello, showing_of
from tests.fuzz.smith import Smith
from tests.fuzz.target import Target

_APPLICATION, _HANDSHAKE, _ALERT, _CHANGE = (bytes([kind]) + b"\x03\x03" for kind in (23, 22, 21, 20))


class Handshakes(Target):
    """A passage whose client comes with nearly the beginning of a handshake."""

    name = "handshakes"
    seeds = (
        *(hello(), hello()[:200], _HANDSHAKE + b"\0\5\1\0\0\1\0", _ALERT + b"\0\2\2\x28", _CHANGE + b"\0\1\1"),
        *(b"\x80\x2e\1\3\1\0\x15\0\0\0\x10", b"GET / HTTP/1.1\r\n\r\n", _APPLICATION + b"\x40\0" + b"x" * 100),
    )

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="runjd-fuzz-")
        papers = authority(f"{self._directory}/tls")
        self._showing, self._alice = showing_of(papers), alice_of(papers)

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        hall = Hall(self._showing)
        self.send(hall, pieces)
        hall.visitor.close()
        hall.loop.settle()
        said = drain(hall.daemon)
        assert said.startswith(b"- "), said
        parse_word(said.removesuffix(b"\n"))
        hall.close()

    def send(self, hall: Hall, pieces: Sequence[bytes]) -> None:
        """Send the pieces, and see that not too much is held of them."""
        for piece in pieces:
            with contextlib.suppress(OSError):
                hall.visitor.send(piece)
            hall.loop.settle()
            assert len(hall.passage._inside.waiting) <= 2 * LIMIT
            assert len(hall.passage._outside.waiting) <= 2 * LIMIT

    def close(self) -> None:
        shutil.rmtree(self._directory)


class Records(Handshakes):
    """A passage whose client has shown a certificate, and then sends what is nearly records of TLS."""

    name = "records"
    seeds = (
        *(_APPLICATION + b"\0\x20" + bytes(32), _APPLICATION + b"\x41\0" + bytes(16_640), _ALERT + b"\0\2\1\0"),
        *(_HANDSHAKE + b"\0\4\0\0\0\0", _CHANGE + b"\0\1\1", hello(), b"status\n", _APPLICATION + b"\0\0"),
    )

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        hall = Hall(self._showing)
        hall.come_in(self._alice)
        self.send(hall, pieces)
        assert drain(hall.daemon) == b""
        hall.close()


PASSAGES = (Handshakes, Records)
