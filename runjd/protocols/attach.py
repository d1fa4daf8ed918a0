"""
Frames of an attached connection (``mode=frame``): ``TYPE SP LEN LF`` and LEN bytes.

TYPE is one capital letter: ``O`` out, ``E`` err, ``I`` in (``I 0`` closes
stdin), ``W`` "rows cols", ``P`` and ``C`` pause and continue, ``G`` "lost=n",
``S`` "input=yes by=who" or "input=no by=who", ``X`` "exit=n", "signal=n" or
"closed=who", the last one.  A type that is not known is skipped.
"""

from __future__ import annotations

from runjd.errors import BadArgument, SyntaxFault
from runjd.protocols.control.tokens import format_fields, parse_arguments
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_FRAME = 65536
TYPES = "OEIWPCGSX"
#: greatest number of rows or columns of a terminal
MAX_SIDE = 9999

_MAX_HEADER = len("O 65536\n")


class Frame(Value):
    """One frame: its type, a letter of :data:`TYPES`, and its bytes."""

    kind: str
    data: bytes


class FrameReader:
    """Frames out of bytes; holds at most one frame. After an error it is of no more use."""

    def __init__(self) -> None:
        self._buffer = b""
        self._skip = 0

    def feed(self, data: bytes) -> list[Frame]:
        """
        Return the frames that are complete by now.

        :raise SyntaxFault: the bytes are no frames.
        """
        buffer = self._buffer + data if self._buffer else data
        position = min(self._skip, len(buffer))
        self._skip -= position
        found = []
        while position < len(buffer):
            end = buffer.find(b"\n", position, position + _MAX_HEADER)
            if end < 0:
                if len(buffer) - position >= _MAX_HEADER:
                    raise SyntaxFault("a frame starts with TYPE, a space and a length")
                break
            kind, length = _header(buffer[position:end])
            start = end + 1
            if kind not in TYPES:
                position = min(start + length, len(buffer))
                self._skip = start + length - position
            elif start + length <= len(buffer):
                position = start + length
                found.append(Frame(kind, buffer[start:position]))
            else:
                break
        self._buffer = buffer[position:]
        return found

    @property
    def is_between(self) -> bool:
        """Whether the last byte fed ended a frame."""
        return not self._buffer and not self._skip


def format_frame(kind: str, data: bytes = b"") -> bytes:
    """Return one frame. :raise ValueError: too many bytes for one."""
    if len(data) > MAX_FRAME:
        raise ValueError(f"a frame holds at most {MAX_FRAME} bytes, not {len(data)}")
    return f"{kind} {len(data)}\n".encode() + data


def format_frames(kind: str, data: bytes) -> list[bytes]:
    """Return as many frames as the bytes take; none for no bytes."""
    return [format_frame(kind, data[start : start + MAX_FRAME]) for start in range(0, len(data), MAX_FRAME)]


def format_size(rows: int, columns: int) -> bytes:
    """Return the ``W`` frame."""
    return format_frame("W", f"{rows} {columns}".encode())


def parse_size(data: bytes) -> tuple[int, int]:
    """Return rows and columns of a ``W`` frame. :raise SyntaxFault: it holds something else."""
    sides = data.split(b" ")
    if len(sides) != 2:
        raise SyntaxFault("a W frame holds rows and columns")
    rows, columns = (_number(side, 1, MAX_SIDE) for side in sides)
    return rows, columns


def format_named(kind: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Return a ``G``, ``S`` or ``X`` frame: ``key=value ...``."""
    return format_frame(kind, format_fields(fields).encode())


def parse_named(data: bytes) -> dict[str, str]:
    """Return what a ``G``, ``S`` or ``X`` frame says. :raise SyntaxFault: it cannot be read."""
    try:
        return parse_arguments(data.decode())[1]
    except UnicodeDecodeError:
        raise SyntaxFault("a frame is not UTF-8") from None
    except BadArgument as error:
        raise SyntaxFault(f"in a frame {error.message}") from None


def _header(raw: bytes) -> tuple[str, int]:
    if len(raw) < 3 or raw[1:2] != b" " or not 0x41 <= raw[0] <= 0x5A:
        raise SyntaxFault("a frame starts with TYPE, a space and a length")
    return chr(raw[0]), _number(raw[2:], 0, MAX_FRAME)


def _number(digits: bytes, low: int, high: int) -> int:
    if not digits.isdigit() or len(digits) > 5 or (digits[:1] == b"0" and digits != b"0"):
        raise SyntaxFault("a number of a frame is not decimal, or has leading zeros")
    number = int(digits)
    if not low <= number <= high:
        raise SyntaxFault(f"a number of a frame is not within {low} and {high}")
    return number
