"""
Messages of syslog (RFC 5424), one for each line: ``<30>1 2026-11-23T15:01:20.102113Z host web - out - text``.

The facility is daemon; standard error is more severe than standard output.  The application is the jail, and the
message id the stream; a plus behind it says that more of this line follows.  Each piece is one message: it goes into
one datagram (RFC 5426), or with its length before it into a stream (RFC 6587, "Octet Counting").
"""

from __future__ import annotations

from runjd.logs.formats.contract import Encoding, Pieces

#: bytes of a message that every receiver takes, and that a datagram of FreeBSD's Unix sockets holds
DATAGRAM_LIMIT = 2048
#: bytes of a message in a stream
STREAM_LIMIT = 8192
_DAEMON = 3 << 3
_SEVERITIES = {"out": 6, "err": 3}
_LONGEST_NAME = 48


class SyslogEncoding(Encoding):
    """
    Messages about one jail.

    :param host: the name of this host.
    :param is_counted: each message has its length before it.
    """

    __slots__ = ("_is_counted", "_tails")

    def __init__(self, jail: str, host: str, is_counted: bool) -> None:
        name, origin = _word(jail, _LONGEST_NAME), _word(host, 255)
        self._tails = {
            (stream, mark): b" %s %s - %s%s - " % (origin, name, stream.encode("ascii"), mark)
            for stream in _SEVERITIES
            for mark in (b"", b"+")
        }
        self._is_counted = is_counted

    def text_limit(self, wanted: int) -> int:
        """Return how long the text of a message may be, where lines shall be cut at ``wanted``."""
        limit = STREAM_LIMIT if self._is_counted else DATAGRAM_LIMIT
        return max(1, min(wanted, limit - len(self._head(b"2026-11-23T15:01:20.102113000Z", "out", b"+"))))

    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        head = self._head(at, stream, b"")
        return self._messages([head + line for line in (begin + chunk[: cut - 1]).split(b"\n")])

    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        return self._messages([self._head(at, stream, b"+") + text])

    def _head(self, at: bytes, stream: str, mark: bytes) -> bytes:
        # A fraction of a second has six digits at most.
        return b"<%d>1 %sZ" % (_DAEMON | _SEVERITIES[stream], at[:26]) + self._tails[stream, mark]

    def _messages(self, messages: list[bytes]) -> Pieces:
        if self._is_counted:
            return [b"%d %s" % (len(each), each) for each in messages]
        return list(messages)


def _word(text: str, limit: int) -> bytes:
    """Return a name as a word of a header: printable ASCII."""
    word = bytes(byte if 33 <= byte <= 126 else 0x5F for byte in text.encode("utf-8", "replace"))
    return word[:limit] or b"-"
