"""
``json`` without its start-up: a third of what a short command would take.

The standard module loads ``re`` and ``enum`` for errors and for what has no C
code.  Here the same C scanner and encoder are called directly; whatever they
cannot do goes to the standard module, whose results and errors are therefore
ours, too.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

try:
    from _json import encode_basestring, encode_basestring_ascii, make_encoder, make_scanner
except ImportError:  # another Python than CPython
    make_scanner = make_encoder = None  # type: ignore[assignment, misc]

_BLANK = " \t\n\r"
_CONSTANTS = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}
#: arrays and objects within each other; far less than the stack takes, so that what can be read can be written, too
DEPTH_MAX = 200


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
) -> object:
    """
    Return the value of a JSON text, as ``json.loads``.

    :raise ValueError: it is not JSON (a ``json.JSONDecodeError``), or is nested too deeply (a :exc:`TooDeep`).
    """
    if make_scanner is not None and isinstance(text, str):
        rules = _Rules(object_pairs_hook, parse_constant or _CONSTANTS.__getitem__, parse_float or float)
        scan = make_scanner(rules)  # type: ignore[arg-type]
        start = len(text) - len(text.lstrip(_BLANK))
        try:
            value, end = scan(text, start)
        except RecursionError:
            raise TooDeep from None
        except (StopIteration, ValueError, SystemError):
            # its errors need the standard module loaded, hence the last one
            pass
        else:
            if not text[end:].strip(_BLANK):
                return _checked(text, value)
    elif isinstance(text, bytes):
        return loads(
            text.decode("utf-8", "surrogatepass"),
            object_pairs_hook=object_pairs_hook,
            parse_constant=parse_constant,
            parse_float=parse_float,
        )
    import json

    try:
        value = json.loads(
            text, object_pairs_hook=object_pairs_hook, parse_constant=parse_constant, parse_float=parse_float
        )
    except RecursionError:
        raise TooDeep from None
    return _checked(str(text), value)


def dumps(value: object, *, ensure_ascii: bool = True) -> str:
    """Return the compact JSON text of a value, as ``json.dumps`` with separators ``,`` and ``:``."""
    if make_encoder is not None:
        encode = encode_basestring_ascii if ensure_ascii else encode_basestring
        try:
            parts = make_encoder({}, _refuse, encode, None, ":", ",", False, False, True)(value, 0)
        except (TypeError, ValueError):
            pass
        else:
            return "".join(parts)
    import json

    return json.dumps(value, ensure_ascii=ensure_ascii, separators=(",", ":"))


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
    raise TypeError(value)
