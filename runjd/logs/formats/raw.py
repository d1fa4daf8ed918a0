"""The form raw: what the program wrote, byte for byte; a record is a line."""

from __future__ import annotations

from runjd.logs.formats.contract import Format, Pieces
from runjd.policy.facts import LogLine


class RawFormat(Format):
    """The form raw: both streams in one, without times."""

    __slots__ = ()
    name = "raw"
    is_framed = False
    cuts = False

    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        return [begin, memoryview(chunk)[:cut]]

    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        return [text]

    def decode(self, record: bytes) -> LogLine:
        return LogLine("-", "out", False, record)
