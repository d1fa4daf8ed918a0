"""
The form cri: ``2026-11-23T15:01:20.102113000Z stdout F text``.

The log of Kubernetes' container runtime interface: the tag ``F`` ends a line of the program, ``P`` says that
more of it follows.
"""

from __future__ import annotations

from runjd.logs.formats.headed import HeadedFormat
from runjd.logs.formats.stamp import is_stamp
from runjd.policy.facts import LogLine

_WORDS = {"out": b" stdout ", "err": b" stderr "}
_NAMES = {b"stdout": "out", b"stderr": "err"}


class CriFormat(HeadedFormat):
    """The form cri."""

    __slots__ = ()
    name = "cri"

    def head(self, at: bytes, stream: str, partial: bool) -> bytes:
        return at + _WORDS[stream] + (b"P " if partial else b"F ")

    def decode(self, record: bytes) -> LogLine:
        at, _, rest = record.partition(b" ")
        word, _, rest = rest.partition(b" ")
        stream = _NAMES.get(word)
        if stream is None or rest[:2] not in (b"F ", b"P ") or not is_stamp(at):
            return LogLine("-", "out", False, record)
        return LogLine(at.decode("ascii"), stream, rest[:1] == b"P", rest[2:])
