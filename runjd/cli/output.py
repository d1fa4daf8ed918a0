"""
What people and programs read: tables, colours, durations, JSON.

Text from a jail or from a client is hostile to terminals: whatever is no
printable character is shown as an escape, see :func:`visible`.
"""

from __future__ import annotations

import os

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: what a style looks like: SGR parameters, ECMA-48 8.3.117
STYLES = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}

#: keys of the control protocol whose values are numbers
NUMBERS = frozenset(
    {
        "added",
        "changed",
        "cols",
        "exit",
        "gid",
        "jid",
        "lines",
        "lost",
        "max_line",
        "n",
        "next_in",
        "pid",
        "removed",
        "restarts",
        "retry_ms",
        "session",
    }
    | {"rows", "seq", "signal", "step", "took_ms", "uid", "unchanged", "up"}
)

#: widths below which a column is not cut, and for whose sake others are left out
_SMALLEST_SHRUNK = 8
_READABLE = 20
_ELLIPSIS = "…"


class Column(Value):
    """
    One column of a table.

    :ivar right: numbers stand on the right.
    :ivar shrinks: its text may be cut where the terminal is narrow.
    :ivar always: it is shown even where it is empty in all rows.
    :ivar spare: where the terminal is too narrow for all columns, the one with the greatest number goes first; 0 stays.
    """

    title: str
    right: bool = False
    shrinks: bool = False
    always: bool = False
    spare: int = 0


class Cell(Value):
    """One cell of a table; ``style`` is a key of :data:`STYLES`."""

    text: str
    style: str = ""


class Output:
    """
    A descriptor that text is written to.

    :param fd: where to; stays open.
    :param is_coloured: whether styles are shown.
    :param width: columns of the terminal, None where lines may have any length.
    """

    def __init__(self, fd: int, is_coloured: bool = False, width: int | None = None) -> None:
        self.fd = fd
        self.is_coloured = is_coloured
        self.width = width

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads this."""
        return self.width is not None

    def write(self, text: str) -> None:
        """
        Write text.

        :raise OSError: as write(2) does; EPIPE, where nobody reads.
        """
        self.write_bytes(text.encode("utf-8", "backslashreplace"))

    def write_bytes(self, data: bytes) -> None:
        """Write bytes as they are."""
        while data:
            data = data[os.write(self.fd, data) :]

    def line(self, text: str, style: str = "") -> None:
        """Write one line."""
        self.write(self.styled(text, style) + "\n")

    def styled(self, text: str, style: str) -> str:
        """Return the text in that style, where styles are shown."""
        if not style or not self.is_coloured or not text:
            return text
        return f"\x1b[{STYLES[style]}m{text}\x1b[m"

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
        """Write a table with a line of titles; columns that are empty in all rows are left out."""
        shown = [
            index
            for index, column in enumerate(columns)
            if column.always or any(row[index].text not in ("", "-") for row in rows)
        ]
        texts = [[visible(row[index].text) or "-" for index in shown] for row in rows]
        widths = [max(len(columns[at].title), *(len(line[n]) for line in texts), 0) for n, at in enumerate(shown)]
        for at in _spared(widths, [columns[index] for index in shown], self.width):
            del shown[at], widths[at]
            for line in texts:
                del line[at]
        _shrink(widths, [columns[index] for index in shown], self.width)
        titles = [columns[index].title for index in shown]
        lines = [self._row(titles, ["bold"] * len(shown), widths, columns, shown)]
        for row, line in zip(rows, texts, strict=True):
            lines.append(self._row(line, [row[index].style for index in shown], widths, columns, shown))
        self.write("".join(lines))

    def pairs(self, pairs: Iterable[tuple[str, Cell]]) -> None:
        """Write names and values in two columns."""
        known = [(name, cell) for name, cell in pairs if cell.text not in ("", "-")]
        width = max((len(name) for name, _ in known), default=0)
        for name, cell in known:
            self.line(f"{self.styled(f'{name:<{width}}', 'dim')}  {self.styled(visible(cell.text), cell.style)}")

    def _row(
        self,
        texts: Sequence[str],
        styles: Sequence[str],
        widths: Sequence[int],
        columns: Sequence[Column],
        shown: Sequence[int],
    ) -> str:
        cells = []
        for at, index in enumerate(shown):
            text = texts[at]
            if len(text) > widths[at]:
                text = text[: widths[at] - 1] + _ELLIPSIS
            padding = " " * (widths[at] - len(text))
            if columns[index].right:
                cells.append(padding + self.styled(text, styles[at]))
            else:
                cells.append(self.styled(text, styles[at]) + (padding if at + 1 < len(shown) else ""))
        return "  ".join(cells) + "\n"


def standard(fd: int, environment: Mapping[str, str], colour: str = "auto") -> Output:
    """
    Return the output for one of our own descriptors.

    :param colour: ``auto`` (a terminal, no $NO_COLOR, $TERM is not dumb), ``always`` or ``never``.
    """
    is_terminal = os.isatty(fd)
    is_coloured = colour == "always" or (
        colour == "auto" and is_terminal and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"
    )
    return Output(fd, is_coloured, _columns(fd, environment) if is_terminal else None)


def visible(text: str) -> str:
    r"""Return the text with everything that is not printable as ``\xHH``, so that it cannot talk to a terminal."""
    if text.isprintable():
        return text
    return "".join([character if character.isprintable() else _escaped(character) for character in text])


def visible_bytes(data: bytes) -> str:
    r"""
    Return a line of a program's output for a terminal.

    Text, TAB and colours pass (``CSI ... m``); everything else that a terminal could obey is shown as ``\xHH``.
    """
    text = data.decode("utf-8", "surrogateescape")
    if text.isprintable():
        return text
    pieces = []
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\x1b" and (end := _end_of_colour(text, position)):
            pieces.append(text[position:end])
            position = end
            continue
        pieces.append(character if character.isprintable() or character == "\t" else _escaped(character))
        position += 1
    return "".join(pieces)


def duration(seconds: float) -> str:
    """Return a time span in at most six characters or so: ``7s``, ``4m12s``, ``3h07m``, ``2d04h``, ``37d``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    if whole < 864000:
        return f"{whole // 86400}d{whole % 86400 // 3600:02}h"
    return f"{whole // 86400}d"


def to_values(fields: Mapping[str, str]) -> dict[str, object]:
    """Return the fields of the control protocol as JSON values: numbers as numbers, ``-`` as null."""
    return {key: _to_value(key, text) for key, text in fields.items()}


def to_json(value: object) -> str:
    """Return one line of JSON; bytes that were no UTF-8 come as lone surrogates."""
    import json

    return json.dumps(value)


def to_json_lines(values: Iterable[object]) -> str:
    """Return a JSON array with one element on each line."""
    lines = ",\n".join(to_json(value) for value in values)
    return f"[\n{lines}\n]\n" if lines else "[]\n"


def _to_value(key: str, text: str) -> object:
    if text == "-":
        return None
    if key in NUMBERS and text.isascii():
        if text.isdigit():
            return int(text)
        whole, dot, part = text.partition(".")
        if dot and whole.isdigit() and part.isdigit():
            return float(text)
    return text


def _columns(fd: int, environment: Mapping[str, str]) -> int:
    given = environment.get("COLUMNS", "")
    if given.isascii() and given.isdigit() and 0 < int(given) < 100000:
        return int(given)
    try:
        return os.get_terminal_size(fd).columns or 80
    except OSError:
        return 80


def _spared(widths: Sequence[int], columns: Sequence[Column], room: int | None) -> list[int]:
    """Return which columns are left out so that the others can be read, the last one first."""
    left = list(range(len(columns)))

    def needed() -> int:
        return sum(min(widths[at], _READABLE) if columns[at].shrinks else widths[at] for at in left) + 2 * len(left) - 2

    while room is not None and needed() > room:
        first = max(left, key=lambda at: columns[at].spare)
        if not columns[first].spare:
            break
        left.remove(first)
    return [at for at in reversed(range(len(columns))) if at not in left]


def _shrink(widths: list[int], columns: Sequence[Column], room: int | None) -> None:
    """Make the widest columns that may shrink narrower until the line fits, or nothing more can be done."""
    if room is None:
        return
    excess = sum(widths) + 2 * (len(widths) - 1) - room
    while excess > 0:
        able = [at for at, column in enumerate(columns) if column.shrinks and widths[at] > _SMALLEST_SHRUNK]
        if not able:
            return
        widest = max(able, key=lambda at: widths[at])
        widths[widest] -= 1
        excess -= 1


def _escaped(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    return "".join([f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")])


def _end_of_colour(text: str, start: int) -> int:
    """Return the position behind the colour sequence at ``start``, 0 where none is."""
    end = start + 2
    if text[start + 1 : end] != "[":
        return 0
    while end < len(text) and text[end] in "0123456789;:":
        end += 1
    return end + 1 if text[end : end + 1] == "m" else 0
