r"""
The form json: ``{"log":"text\n","stream":"stdout","time":"2026-11-23T15:01:20.102113000Z"}``.

The keys are those of Docker's json-file, so what reads that reads this.  A text without newline at its end says
that more of the line follows.  A byte that is no UTF-8 stands as ``\udc80`` to ``\udcff``, half of a surrogate pair,
which no text can contain: Python reads it back by the error handler surrogateescape (PEP 383), and other
readers show a replacement character there.
"""

from __future__ import annotations

from json import loads

from runjd.logs.formats.contract import Format, Pieces
from runjd.logs.formats.stamp import is_stamp
from runjd.policy.facts import LogLine

_WORDS = {"out": b"stdout", "err": b"stderr"}
_NAMES = {"stdout": "out", "stderr": "err"}
_CONTROLS = bytes(byte for byte in range(32) if byte != 10)
#: makes every byte that has to be escaped the same one
_MARKED = bytes(0x5C if byte in _CONTROLS or byte in b'"' else byte for byte in range(256))
_OTHERS = bytes(byte for byte in range(256) if byte not in _CONTROLS)


class JsonFormat(Format):
    """The form json."""

    __slots__ = ()
    name = "json"

    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        end = b'\\n","stream":"%s","time":"%s"}\n' % (_WORDS[stream], at)
        records = _escape(begin + chunk[: cut - 1]).replace(b"\n", end + b'{"log":"')
        return [b'{"log":"', records, end]

    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        return [b'{"log":"', _escape(text), b'","stream":"%s","time":"%s"}\n' % (_WORDS[stream], at)]

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


def _escape(text: bytes) -> bytes:
    """Return the text as it stands in a string of JSON, but with its newlines as they are."""
    if b"\\" in text.translate(_MARKED):
        text = text.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        for byte in set(text.translate(None, _OTHERS)):
            text = text.replace(b"%c" % byte, b"\\u%04x" % byte)
    if not text.isascii():
        try:
            text.decode("utf-8")
        except UnicodeDecodeError:
            text = text.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace")
    return text
