"""
The form ts: ``2026-11-23T15:01:20.102113000Z out text``.

For people: time, stream, line.  A plus behind the stream (``out+``) says that more of this line follows.
"""

from __future__ import annotations

from runjd.logs.formats.headed import HeadedFormat
from runjd.logs.formats.stamp import is_stamp
from runjd.policy.facts import LogLine


class TsFormat(HeadedFormat):
    """The form ts."""

    __slots__ = ()
    name = "ts"

    def head(self, at: bytes, stream: str, partial: bool) -> bytes:
        return at + b" " + stream.encode("ascii") + (b"+ " if partial else b" ")

    def decode(self, record: bytes) -> LogLine:
        at, _, rest = record.partition(b" ")
        word, blank, text = rest.partition(b" ")
        stream = word.removesuffix(b"+")
        if stream not in (b"out", b"err") or not blank or not is_stamp(at):
            return LogLine("-", "out", False, record)
        return LogLine(at.decode("ascii"), stream.decode("ascii"), word.endswith(b"+"), text)
