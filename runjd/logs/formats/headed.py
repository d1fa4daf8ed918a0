"""Records that are the line of the program with something before it, as those of the forms ts and cri."""

from __future__ import annotations

from abc import abstractmethod

from runjd.logs.formats.contract import Format, Pieces


class HeadedFormat(Format):
    """A form whose records are a head and the text."""

    __slots__ = ()

    @abstractmethod
    def head(self, at: bytes, stream: str, partial: bool) -> bytes:
        """Return what stands before the text."""

    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        head = self.head(at, stream, partial=False)
        records = chunk.replace(b"\n", b"\n" + head)
        # Behind the last newline stand a head too many and what is unfinished; a view leaves them out unmoved.
        end = len(records) - len(head) - (len(chunk) - cut)
        return [head, begin, memoryview(records)[:end]]

    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        return [self.head(at, stream, partial=True), text, b"\n"]
