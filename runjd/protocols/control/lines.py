"""
Bytes to lines, in either direction of the control protocol.

A line is UTF-8, ends in LF (one CR before it is dropped) and has at most 8192
bytes with the LF, no NUL and no C0 byte but TAB.  What breaks a rule comes out
as an error in the place of the line, never as an exception, and reading goes on
behind its LF.
"""

from __future__ import annotations

from runjd.errors import RunjdError, SyntaxFault, TooLong

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 8192

_FORBIDDEN = bytes(number for number in range(0x20) if number != 0x09)


class LineReader:
    """
    Lines of one direction of one connection, asked for one by one.

    What is not asked for is held, so whoever feeds stops feeding while lines are
    left; of a line that is too long nothing is held.
    """

    def __init__(self, max_line: int = MAX_LINE) -> None:
        self._max_line = max_line
        self._buffer = b""
        self._position = 0
        self._is_discarding = False

    def feed(self, data: bytes) -> None:
        """Take what was received."""
        self._buffer = self._buffer[self._position :] + data if self._position < len(self._buffer) else data
        self._position = 0
        if self._is_discarding:
            self._discard()

    def next_line(self) -> str | RunjdError | None:
        """Return the next line, or what is wrong with it, or None until more is fed."""
        if self._is_discarding:
            return None
        start = self._position
        end = self._buffer.find(b"\n", start, start + self._max_line)
        if end >= 0:
            self._position = end + 1
            return decode_line(self._buffer[start:end])
        if len(self._buffer) - start < self._max_line:
            return None
        self._is_discarding = True
        self._discard()
        return TooLong(f"the line is longer than {self._max_line} bytes")

    def lines(self) -> Iterator[str | RunjdError]:
        """Iterate over what is there by now."""
        while (line := self.next_line()) is not None:
            yield line

    def finish(self) -> RunjdError | None:
        """Return what is wrong with the end of the input, once all lines were asked for: a line without its LF."""
        rest = self.take_rest()
        if self._is_discarding or not rest:
            return None
        return SyntaxFault("the last line has no line feed and was not carried out")

    def take_rest(self) -> bytes:
        """Return what was fed and is no line yet, and forget it: the connection becomes a stream."""
        rest = self._buffer[self._position :]
        self._buffer, self._position = b"", 0
        return rest

    @property
    def pending(self) -> int:
        """Bytes that are held."""
        return len(self._buffer) - self._position

    def _discard(self) -> None:
        end = self._buffer.find(b"\n", self._position)
        if end < 0:
            self._buffer, self._position = b"", 0
        else:
            self._position = end + 1
            self._is_discarding = False


def decode_line(raw: bytes) -> str | RunjdError:
    """Return the text of a line without its LF, or what is wrong with it."""
    if raw[-1:] == b"\r":
        raw = raw[:-1]
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return SyntaxFault(f"byte {error.start + 1} of the line is not UTF-8")
    if not text.isprintable() and len(raw.translate(None, _FORBIDDEN)) != len(raw):
        return SyntaxFault("the line holds a control character")
    return text
