r"""
The form json: ``{"log":"text\n","stream":"stdout","time":"2026-11-23T15:01:20.102113000Z"}``.

The keys are those of Docker's json-file, so what reads that reads this.  A text without newline at its end says
that more of the line follows.  A byte that is no UTF-8 stands as ``\udc80`` to ``\udcff``, half of a surrogate pair,
which no text can contain: Python reads it back by the error handler surrogateescape (PEP 383), and other
readers show a replacement character there.
"""

from __future__ import annotations

from json import loads
from json.encoder import encode_basestring

from runjd.logs.formats.contract import Format, Pieces
from runjd.logs.formats.stamp import is_stamp
from runjd.policy.facts import LogLine

_WORDS = {"out": "stdout", "err": "stderr"}
_NAMES = {"stdout": "out", "stderr": "err"}
#: stands for a backslash for a moment; the half of a pair that no byte is decoded to
_BACKSLASH = "\ud800"


class JsonFormat(Format):
    """The form json."""

    __slots__ = ()
    name = "json"

    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        escaped = _escape(begin + chunk[: cut - 1])
        end = r'\n","stream":"' + _WORDS[stream] + '","time":"' + at.decode("ascii") + '"}\n'
        joint = end + '{"log":"'
        if r"\\" in escaped:  # else what looks like an escaped newline is one
            escaped = escaped.replace(r"\\", _BACKSLASH).replace(r"\n", joint).replace(_BACKSLASH, r"\\")
        else:
            escaped = escaped.replace(r"\n", joint)
        return [b'{"log":', _encode(escaped[:-1]), end.encode("ascii")]

    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        end = b',"stream":"%s","time":"%s"}\n' % (_WORDS[stream].encode("ascii"), at)
        return [b'{"log":', _encode(_escape(text)), end]

    def decode(self, record: bytes) -> LogLine:
        try:
            found = loads(record)
            at, stream, log = found["time"], _NAMES[found["stream"]], found["log"]
            text = log.encode("utf-8", "surrogateescape")
            if not is_stamp(at.encode("ascii")):
                raise ValueError
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return LogLine("-", "out", False, record)
        return LogLine(at, stream, not text.endswith(b"\n"), text.removesuffix(b"\n"))


def _escape(text: bytes) -> str:
    """Return the text as a string of JSON, in quotes."""
    return encode_basestring(text.decode("utf-8", "surrogateescape"))


def _encode(escaped: str) -> bytes:
    """Return the bytes of it; lone surrogates become escapes of JSON."""
    return escaped.encode("utf-8", "backslashreplace")
