"""Records out of a stream of chunks, with what is left of an unfinished line kept."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.logs.formats.contract import Encoding, Pieces


class LineEncoder:
    """
    One stream of one program.

    :param stream: out or err.
    :param limit: bytes of text in one record; a line that is longer is cut, and an unfinished one is given
        out in pieces of this size.
    :ivar pending: the unfinished line; shorter than the limit.
    :ivar is_open: what was given out last was a part of a line.
    """

    __slots__ = ("_encoding", "_limit", "_stream", "is_open", "pending")

    def __init__(self, encoding: Encoding, stream: str, limit: int) -> None:
        self._encoding = encoding
        self._stream = stream
        self._limit = limit
        self.pending = b""
        self.is_open = False

    def feed(self, at: bytes, chunk: bytes) -> Pieces:
        """
        Return the records of all whole lines, and of the pieces of an unfinished one that is too long.

        :param at: the time of what is given out.
        """
        cut = chunk.rfind(b"\n") + 1
        size = len(chunk)
        limit = self._limit
        if not self._encoding.cuts:
            return self._pass(at, chunk, cut)
        if cut and size - cut < limit and chunk.find(b"\n", 0, limit - len(self.pending) + 1) >= 0:
            position = 0
            while position < cut:  # one step for each ``limit`` bytes, not for each line
                newline = chunk.rfind(b"\n", position, position + limit + 1)
                if newline < 0:
                    break
                position = newline + 1
            else:
                begin, self.pending = self.pending, chunk[cut:]
                self.is_open = False
                return self._encoding.whole(at, self._stream, begin, chunk, cut)
        return self._cut(at, self.pending + chunk if self.pending else chunk)

    def flush(self, at: bytes) -> Pieces:
        """Return the record of the unfinished line, if there is one; its rest may still come."""
        pending, self.pending = self.pending, b""
        if not pending:
            return []
        self.is_open = True
        return self._encoding.part(at, self._stream, pending)

    def _pass(self, at: bytes, chunk: bytes, cut: int) -> Pieces:
        """Give out all lines as they are, and what has no end if it is too long to be kept."""
        begin, self.pending = self.pending, b""
        pieces: Pieces = []
        if cut:
            pieces = self._encoding.whole(at, self._stream, begin, chunk, cut)
            self.is_open = False
            begin, chunk = b"", chunk[cut:]
        if len(begin) + len(chunk) < self._limit:
            self.pending = begin + chunk
            return pieces
        self.is_open = True
        for part in (begin, chunk):
            pieces += self._encoding.part(at, self._stream, part)
        return pieces

    def _cut(self, at: bytes, text: bytes) -> Pieces:
        """Give out text that has a line that is too long, or none that is whole."""
        pieces: Pieces = []
        limit, size = self._limit, len(text)
        begin = position = 0  # of lines that are short enough and not given out yet; of what was not looked at
        while position < size:
            newline = text.rfind(b"\n", position, position + limit + 1)
            if newline >= 0:
                position = newline + 1
                continue
            if begin < position:
                pieces += self._lines(at, text[begin:position])
            begin = position
            if size - position < limit:
                break
            position += limit
            pieces += self._encoding.part(at, self._stream, text[begin:position])
            self.is_open = True
            begin = position
        else:
            if begin < position:
                pieces += self._lines(at, text[begin:position])
            begin = position
        self.pending = text[begin:]
        return pieces

    def _lines(self, at: bytes, text: bytes) -> Pieces:
        self.is_open = False
        return self._encoding.whole(at, self._stream, b"", text, len(text))
