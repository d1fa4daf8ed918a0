"""
``json`` without its start-up: a third of what a short command would take.

The standard module loads ``re`` and ``enum`` for errors and for what has no C
code.  Here the same C scanner and encoder are called directly, by the rules of the
standard module, and its errors are told in its words, also where nothing can be
loaded any more, as in a worker of the keeper.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # another Python than CPython
    make_scanner = make_encoder = None  # type: ignore[assignment, misc]

_BLANK = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
#: arrays and objects within each other; far less than the stack takes, so that what can be read can be written, too
DEPTH_MAX = 200


#: where the C scanner looks for the class of its errors, JSONDecodeError
_HOME, _PARENT = "json.decoder", "json"


class NotJson(ValueError):
    """
    A text is no JSON; it says what ``json.JSONDecodeError`` says.

    :ivar msg: what is wrong.
    :ivar pos: index in the text.
    :ivar lineno: from 1 on, as the column.
    """

    def __init__(self, msg: str, text: str, pos: int) -> None:
        self.msg, self.pos = msg, pos
        self.lineno = text.count("\n", 0, pos) + 1
        self.colno = pos - text.rfind("\n", 0, pos)
        super().__init__(f"{msg}: line {self.lineno} column {self.colno} (char {pos})")


class TooDeep(ValueError):
    """Arrays and objects are nested so deeply that the text can only be meant to exhaust the stack."""

    def __init__(self) -> None:
        super().__init__("arrays and objects are nested too deeply")


def loads(
    text: str | bytes,
    *,
    object_pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None,
    parse_constant: Callable[[str], object] | None = None,
    parse_float: Callable[[str], object] | None = None,
) -> Any:
    """
    Return the value of a JSON text, as ``json.loads``.

    :raise NotJson: it is not JSON.
    :raise TooDeep: it is nested too deeply.
    :raise ValueError: a number has too many digits; or what a hook raises.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogatepass")
    if object_pairs_hook is None and parse_constant is None and parse_float is None:
        scan = _plain
    else:
        scan = _scanner(object_pairs_hook, parse_constant, parse_float)
    if text.startswith("\ufeff"):
        raise NotJson("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
    value, end = _scanned(scan, text, len(text) - len(text.lstrip(_BLANK)))
    if rest := text[end:].lstrip(_BLANK):
        raise NotJson("Extra data", text, len(text) - len(rest))
    return _checked(text, value)


def dumps(value: object, *, ensure_ascii: bool = True) -> str:
    """
    Return the compact JSON text of a value, as ``json.dumps`` with separators ``,`` and ``:``.

    :raise TypeError: JSON has no words for it.
    """
    if make_encoder is None:
        import json

        return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))
    encode = encode_basestring_ascii if ensure_ascii else encode_basestring
    return "".join(make_encoder({}, _refuse, encode, None, ":", ",", False, False, True)(value, 0))


def quoted(text: str) -> str:
    """Return the JSON text of a string, in ASCII: for who puts together a text of few words, which takes a fourth."""
    return encode_basestring_ascii(text) if make_encoder is not None else dumps(text)


class _Rules:
    """What the C scanner reads its options from."""

    strict = True
    object_hook = None
    parse_int = int

    def __init__(
        self,
        object_pairs_hook: Callable[[list[tuple[str, object]]], object] | None,
        parse_constant: Callable[[str], object],
        parse_float: Callable[[str], object],
    ) -> None:
        self.object_pairs_hook = object_pairs_hook
        self.parse_constant = parse_constant
        self.parse_float = parse_float
        self.memo: dict[str, str] = {}


def _scanner(
    object_pairs_hook: Callable[[list[tuple[str, object]]], object] | None = None,
    parse_constant: Callable[[str], object] | None = None,
    parse_float: Callable[[str], object] | None = None,
) -> Callable[[str, int], tuple[object, int]]:
    if make_scanner is not None:
        rules = _Rules(object_pairs_hook, parse_constant or _CONSTANTS.__getitem__, parse_float or float)
        return make_scanner(rules)  # type: ignore[arg-type]
    import json

    decoder: Any = json.JSONDecoder(
        object_pairs_hook=object_pairs_hook, parse_constant=parse_constant, parse_float=parse_float
    )
    return decoder.scan_once  # type: ignore[no-any-return]


def _scanned(scan: Callable[[str, int], tuple[object, int]], text: str, start: int) -> tuple[object, int]:
    """Return the value that begins there, and where it ends. :raise NotJson: it is none."""
    try:
        return scan(text, start)
    except RecursionError:
        raise TooDeep from None
    except StopIteration as stop:
        raise NotJson("Expecting value", text, stop.value) from None
    except (SystemError, ImportError):
        # there is an error, and no class for it, as the standard module is not loaded, and cannot be
        if _HOME in sys.modules or _PARENT in sys.modules:
            raise
    except ValueError as error:
        if not hasattr(error, "doc"):
            raise
        raise NotJson(error.msg, text, error.pos) from None  # type: ignore[attr-defined]
    home = type(sys)(_HOME)
    home.JSONDecodeError = NotJson  # type: ignore[attr-defined]
    sys.modules.update({_PARENT: home, _HOME: home})
    try:
        return scan(text, start)
    finally:
        del sys.modules[_PARENT], sys.modules[_HOME]


def _checked(text: str, value: object) -> object:
    """Return a value. :raise TooDeep: it is deeper than :data:`DEPTH_MAX`."""
    if text.count("[") + text.count("{") <= DEPTH_MAX:
        return value
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return value
    raise TooDeep


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _refuse(value: object) -> object:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_plain = _scanner()
