r"""What is not printable, as ``\xHH``: shared by quoted strings and lines of text."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Escapes(dict[int, "str | int"]):
    r"""
    A table for :meth:`str.translate`.

    Printable characters stay, all others become the ``\xHH`` of their bytes;
    Python's surrogate escapes become the byte that they stand for.

    :param special: what becomes of the characters that have an escape of their own.
    """

    def __init__(self, special: Mapping[str, str]) -> None:
        super().__init__((number, number) for number in range(0x20, 0x7F))
        self.update((ord(character), escape) for character, escape in special.items())

    def __missing__(self, number: int) -> str | int:
        """Return what becomes of a character outside ASCII; it is not kept, so the table does not grow."""
        character = chr(number)
        if character.isprintable():
            return number
        if 0xDC80 <= number <= 0xDCFF:
            return f"\\x{number - 0xDC00:02x}"
        return "".join([f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")])


def unhex(digits: str) -> int | None:
    """Return the byte of two hexadecimal digits, None where they are not."""
    if len(digits) != 2 or digits.strip("0123456789abcdefABCDEF"):
        return None
    return int(digits, 16)
