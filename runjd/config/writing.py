"""Writing TOML: what a table of a jail needs. Pure, and without tomllib, which programs that only write can spare."""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}


def written_jail(id: str, keys: Mapping[str, object]) -> str:
    """
    Return the table of a jail.

    :param keys: values by the key; tables are written in line.
    :raise BadArgument: TOML cannot say it.
    """
    lines = [f"[jail.{_key(id)}]"]
    lines += [f"{_key(name)} = {written(value)}" for name, value in keys.items()]
    return "\n".join(lines) + "\n"


def written(value: object) -> str:
    """Return a value as TOML writes it. :raise BadArgument: it cannot, as bytes that are no UTF-8."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, dict):
        pairs = ", ".join([f"{_key(name)} = {written(inner)}" for name, inner in value.items()])
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join([written(each) for each in value])}]"
    raise BadArgument(f"TOML has no {type(value).__name__}")


def _key(name: str) -> str:
    return name if name and _BARE.issuperset(name) else _string(name)


def _string(text: str) -> str:
    if any(0xD800 <= ord(each) < 0xE000 for each in text):
        raise BadArgument(f"{quoted(text)} is not UTF-8, which TOML is")
    return '"' + "".join([_SHORT.get(each) or _character(each) for each in text]) + '"'


def _character(each: str) -> str:
    return f"\\u{ord(each):04x}" if each < " " or each == "\x7f" else each
