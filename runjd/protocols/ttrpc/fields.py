"""
Fields of a protobuf message, for the few messages that ttrpc itself is made of.

These are read where protobuf may not be installed, and by the relay, which loads nothing that it can do without.
protobuf.dev, "Encoding".
"""

from __future__ import annotations

from runjd.errors import SyntaxFault

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
_VARINT_MAX = 10
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


def read_fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """
    Yield number and value of each field, in order: an int64 for a varint, bytes for all else.

    :raise SyntaxFault: this is no message.
    """
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        number, kind = key >> 3, key & 7
        if not 0 < number < 1 << 29:
            raise SyntaxFault(f"a field of a message has the number {number}")
        if kind == _VARINT:
            value, position = _varint(message, position)
            yield number, value - (value & _SIGN) * 2
            continue
        if kind == _BYTES:
            size, position = _varint(message, position)
        elif kind in _WIDTHS:
            size = _WIDTHS[kind]
        else:
            raise SyntaxFault(f"field {number} of a message is of the unknown kind {kind}")
        end = position + size
        if end > len(message):
            raise SyntaxFault(f"field {number} of a message has {size} bytes, of which {len(message) - position} came")
        yield number, message[position:end]
        position = end


def format_bytes(number: int, value: bytes) -> bytes:
    """Return a field of bytes, or of another message; nothing where it is empty, as proto3 has it."""
    return _key(number, _BYTES) + _format_varint(len(value)) + value if value else b""


def format_text(number: int, value: str) -> bytes:
    """Return a field of text."""
    return format_bytes(number, value.encode("utf-8", "replace"))


def format_number(number: int, value: int) -> bytes:
    """Return a field of an integer; nothing for 0, as proto3 has it."""
    return _key(number, _VARINT) + _format_varint(value & _ALL) if value else b""


def text_of(value: int | bytes) -> str:
    """
    Return the text that a field holds.

    :raise SyntaxFault: it is no UTF-8.
    """
    if isinstance(value, int):
        raise SyntaxFault("a number stands where a message has a text")
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise SyntaxFault(f"a text of a message is no UTF-8: {error.reason}") from None


def bytes_of(value: int | bytes) -> bytes:
    """Return the bytes that a field holds. :raise SyntaxFault: it holds a number."""
    if isinstance(value, int):
        raise SyntaxFault("a number stands where a message has bytes")
    return value


def number_of(value: int | bytes) -> int:
    """Return the number that a field holds. :raise SyntaxFault: it holds bytes."""
    if isinstance(value, bytes):
        raise SyntaxFault("bytes stand where a message has a number")
    return value


def _key(number: int, kind: int) -> bytes:
    return _format_varint(number << 3 | kind)


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = 0
    for index in range(_VARINT_MAX):
        if position + index >= len(message):
            raise SyntaxFault("a message ends within a number")
        byte = message[position + index]
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            if value > _ALL:
                break
            return value, position + index + 1
    raise SyntaxFault("a number of a message is longer than 64 bits")


def _format_varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    made.append(value)
    return bytes(made)
