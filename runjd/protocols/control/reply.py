r"""
What the server says, line by line.

The first byte is the type: ``+`` success, ``-`` failure, ``*`` a record, ``|`` a
line of text, ``!`` an event, ``#`` for people.  Then the tag (nothing for an
untagged request, ``?`` where none could be read) and a space.
"""

from __future__ import annotations

from runjd.errors import BadArgument, RunjdError, SyntaxFault, from_record
from runjd.protocols.control.escapes import Escapes, unhex
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.tokens import format_fields, parse_arguments
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import TypeAlias

    Fields: TypeAlias = Sequence[tuple[str, str]]
    ServerLine: TypeAlias = "Success | Failure | Record | Text | Announcement | Comment"


class Success(Value):
    """``+``: the end of a reply; ``fields`` keep their order."""

    tag: str
    fields: Mapping[str, str]


class Failure(Value):
    """``-``: the end of a reply that failed; ``details`` are without ``msg``."""

    tag: str
    code: str
    details: Mapping[str, str]
    message: str

    def to_error(self) -> RunjdError:
        """Return what went wrong as the exception to raise."""
        return from_record({"code": self.code, "message": self.message, "details": self.details})


class Record(Value):
    """``*``: one record of a reply."""

    tag: str
    fields: Mapping[str, str]


class Text(Value):
    """``|``: text of a reply, unescaped and without line feed; ``more`` of this line follows."""

    tag: str
    more: bool
    data: bytes


class Announcement(Value):
    """``!``: an event; the greeting is number 0."""

    seq: int
    fields: Mapping[str, str]


class Comment(Value):
    """``#``: for people, and a sign of life."""

    text: str


def format_success(tag: str, fields: Fields) -> bytes:
    """Return the line that ends a reply well."""
    return _bounded("+" + tag, fields)


def format_failure(tag: str, error: RunjdError, details: Fields = ()) -> bytes:
    """Return the line that ends a reply with an error; ``details`` stand before the error's own."""
    fields = [*details, *error.details.items(), ("msg", error.message)]
    return _bounded(f"-{tag} {error.code}", fields)


def format_record(tag: str, fields: Fields) -> bytes:
    """Return one record of a reply."""
    return _bounded("*" + tag, fields)


def format_announcement(seq: int, fields: Fields) -> bytes:
    """Return an event."""
    return _bounded(f"! {seq}", fields)


def format_comment(text: str) -> bytes:
    """Return a line for people."""
    return b"# " + escape_text(text[: MAX_LINE // 5].encode("utf-8", "surrogateescape")) + b"\n"


def format_text(tag: str, data: bytes, more: bool = False, prefix: str = "") -> list[bytes]:
    """
    Return the lines that carry one line of text.

    What is too long for one is cut into pieces, all marked ``P`` but the last,
    which is ``P`` only if there is ``more``.

    :param prefix: stands before each piece; printable ASCII.
    """
    escaped = escape_text(data)
    room = MAX_LINE - len(tag) - len(prefix) - 5
    if len(escaped) <= room:
        return [f"|{tag} {'P' if more else 'F'} {prefix}".encode() + escaped + b"\n"]
    pieces = []
    start = 0
    while start < len(data):
        piece, start = _cut(data, start, room)
        mark = "P" if more or start < len(data) else "F"
        pieces.append(f"|{tag} {mark} {prefix}".encode() + piece + b"\n")
    return pieces


def escape_text(data: bytes) -> bytes:
    r"""Return the bytes with ``\`` as ``\\`` and all but printable UTF-8 and TAB as ``\xHH``."""
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("utf-8", "surrogateescape")
    else:
        if b"\\" not in data and (text.isprintable() or text.replace("\t", "").isprintable()):
            return data
    return text.translate(_ESCAPED).encode()


def unescape_text(text: str) -> bytes:
    """Return the bytes that :func:`escape_text` was given. :raise SyntaxFault: an unknown escape."""
    pieces = text.split("\\")
    found = [pieces[0].encode("utf-8", "surrogateescape")]
    index = 1
    while index < len(pieces):
        piece = pieces[index]
        if not piece and index + 1 < len(pieces):  # the backslash was followed by another one
            found.append(b"\\" + pieces[index + 1].encode("utf-8", "surrogateescape"))
            index += 2
            continue
        byte = unhex(piece[1:3]) if piece[:1] == "x" else None
        if byte is None:
            raise SyntaxFault("an unknown escape in a line of text")
        found.append(bytes((byte,)) + piece[3:].encode("utf-8", "surrogateescape"))
        index += 1
    return b"".join(found)


def parse_reply(line: str) -> ServerLine:
    """
    Return what the server said.

    :raise SyntaxFault: it is not of this protocol.
    """
    kind = line[:1]
    if kind == "#":
        return Comment(line[1:].removeprefix(" "))
    tag, _, rest = line[1:].partition(" ")
    if tag and tag != "?" and not (tag.isascii() and tag.isdigit()):
        raise SyntaxFault(f'"{tag[:20]}" is not a tag')
    read = _READERS.get(kind)
    if read is None:
        raise SyntaxFault(f'a server line starts with "{kind}"')
    try:
        return read(tag, rest)
    except BadArgument as error:
        raise SyntaxFault(f"in a server line {error.message}") from None


def _read_success(tag: str, rest: str) -> Success:
    return Success(tag, parse_arguments(rest)[1])


def _read_record(tag: str, rest: str) -> Record:
    return Record(tag, parse_arguments(rest)[1])


def _read_failure(tag: str, rest: str) -> Failure:
    code, _, rest = rest.partition(" ")
    if not code or not code.isascii():
        raise SyntaxFault("a failure has no code")
    details = parse_arguments(rest)[1]
    return Failure(tag, code, details, details.pop("msg", ""))


def _read_text(tag: str, rest: str) -> Text:
    if rest[:2] not in ("F ", "P "):
        raise SyntaxFault("a line of text is neither F nor P")
    return Text(tag, rest[0] == "P", unescape_text(rest[2:]))


def _read_announcement(tag: str, rest: str) -> Announcement:
    seq, _, rest = rest.partition(" ")
    if tag or not (seq.isascii() and seq.isdigit() and len(seq) < 20):
        raise SyntaxFault("an event has no number")
    return Announcement(int(seq), parse_arguments(rest)[1])


_READERS: Mapping[str, Callable[[str, str], ServerLine]] = {
    "+": _read_success,
    "-": _read_failure,
    "*": _read_record,
    "|": _read_text,
    "!": _read_announcement,
}


def _bounded(head: str, fields: Fields) -> bytes:
    """Return the line; values too long for it are shortened, marked by "..."; at worst the first fields are all."""
    if not fields:
        return f"{head}\n".encode()
    line = f"{head} {format_fields(fields)}\n".encode()
    keep = 4096
    while len(line) > MAX_LINE:
        keep //= 2
        if keep >= 16:
            fields = [(key, value if len(value) <= keep else value[: keep - 3] + "...") for key, value in fields]
        else:
            fields = fields[: len(fields) // 2]
        line = f"{head} {format_fields(fields)}\n".encode()
    return line


def _cut(data: bytes, start: int, room: int) -> tuple[bytes, int]:
    """Return an escaped piece that fits into ``room`` and the position behind it."""
    # one byte becomes at most four, so the second width always fits
    for width in (room, room // 4):
        end = min(start + width, len(data))
        while end < len(data) and end > start + width - 4 and data[end] & 0xC0 == 0x80:
            end -= 1  # not inside a character
        piece = escape_text(data[start:end])
        if len(piece) <= room:
            break
    return piece, end


_ESCAPED = Escapes({"\\": "\\\\", "\t": "\t"})
