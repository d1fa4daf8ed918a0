"""
JSON as the specification wants it: UTF-8, no duplicate names, no NaN.

The standard library takes the last of two equal names, and NaN and Infinity,
which JSON does not have (RFC 8259, and "JSON" in the specification's glossary).
An error names line and column where the text is broken, and the JSON path where
the text is well-formed and its content is not.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.lightjson import NotJson, TooDeep, loads
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_BOM = b"\xef\xbb\xbf"


def read_json(data: bytes, file: str) -> object:
    """
    Return the value that a JSON text stands for.

    :param data: the whole text, in UTF-8 without a byte order mark.
    :param file: where it was read from, for errors.
    :raise SpecError: it is not JSON.
    """
    oddities: list[_Oddity] = []
    text = _decode(data, file)

    def make_object(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) != len(pairs):
            oddities.append(_Oddity(made, _first_repeated(pairs), "appears twice; JSON names must be unique"))
        return made

    def make_constant(word: str) -> object:
        marker = object()
        oddities.append(_Oddity(marker, None, f"{word} is not a JSON value"))
        return marker

    def make_float(digits: str) -> object:
        number = float(digits)
        if number - number == 0:
            return number
        marker = object()
        oddities.append(_Oddity(marker, None, f"{digits[:40]} is too large for a number"))
        return marker

    try:
        value = loads(text, object_pairs_hook=make_object, parse_constant=make_constant, parse_float=make_float)
    except TooDeep as error:
        raise SpecError("", f"invalid JSON: {error}", file) from None
    except NotJson as error:
        _refuse(text, error, file)
    except ValueError:
        raise SpecError("", "invalid JSON: a number has too many digits", file) from None
    if oddities:
        _report(value, oddities, file)
    return value


def join_path(parent: str, name: str) -> str:
    """Return the JSON path of a property: ``a.b``, or ``a["b.c"]`` where the name is no plain word."""
    if name.isascii() and name.isidentifier():
        return f"{parent}.{name}" if parent else name
    return f"{parent}[{quoted(name, 100)}]"


class _Oddity:
    """Something well-formed that is not JSON: the value it sits in (or is), the name in there, what is wrong."""

    __slots__ = ("name", "reason", "value")

    def __init__(self, value: object, name: str | None, reason: str) -> None:
        self.value = value
        self.name = name
        self.reason = reason


def _decode(data: bytes, file: str) -> str:
    if data.startswith(_BOM):
        raise SpecError("", "starts with a byte order mark; save it as UTF-8 without one", f"{file}:1:1")
    try:
        text = str(data, "utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        raise SpecError(
            "", f"is not UTF-8: byte 0x{data[error.start]:02x} cannot stand here", f"{file}:{line}:{column}"
        ) from None
    if not text or text.isspace():
        raise SpecError("", "is empty; expected a JSON object", file)
    return text


def _refuse(text: str, error: NotJson, file: str) -> NoReturn:
    """Raise the error with its place, and with a word on the mistakes that people make most."""
    reason = error.msg[:1].lower() + error.msg[1:]
    here = text[error.pos : error.pos + 2]
    if here[:1] in ("}", "]") and text[: error.pos].rstrip().endswith(","):
        reason = f'a comma before the closing "{here[0]}"'
    elif here in ("//", "/*") or here[:1] == "#":
        reason = "JSON has no comments"
    elif reason.startswith("invalid control character"):
        reason = f"a string contains the byte 0x{ord(here[0]):02x}; write it as \\u{ord(here[0]):04x}"
    elif here[:1] == "'":
        reason = "strings stand in double quotes"
    elif error.pos >= len(text.rstrip()):
        reason = f"the text ends too early ({reason})"
    raise SpecError("", f"invalid JSON: {reason}", f"{file}:{error.lineno}:{error.colno}") from None


def _report(document: object, oddities: list[_Oddity], file: str) -> NoReturn:
    """Raise the first oddity that is part of the document; one in a value that a repeated name hid is not."""
    paths = _paths_of({id(each.value) for each in oddities}, document)
    for each in oddities:
        path = paths.get(id(each.value))
        if path is not None:
            raise SpecError(path if each.name is None else join_path(path, each.name), each.reason, file)
    raise AssertionError("the outermost object with a repeated name is always part of the document")


def _paths_of(wanted: set[int], document: object) -> dict[int, str]:
    found: dict[int, str] = {}
    todo: list[tuple[object, str]] = [(document, "")]
    while todo:
        value, path = todo.pop()
        if id(value) in wanted:
            found[id(value)] = path
        if isinstance(value, dict):
            todo.extend((inner, join_path(path, name)) for name, inner in value.items())
        elif isinstance(value, list):
            todo.extend((inner, f"{path}[{index}]") for index, inner in enumerate(value))
    return found


def _first_repeated(pairs: list[tuple[str, object]]) -> str:
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    raise AssertionError("no name is repeated")
