"""
Tables of the configuration: which keys one has, and what value is made of them.

What a table does not say stays as it is in the value that is the base: so the defaults of
a file and those of the program are one mechanism.
"""

from __future__ import annotations

from difflib import get_close_matches

from runjd.config.kinds import Kind
from runjd.spec.quote import quoted
from runjd.spec.reader import found
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any, TypeVar

    from runjd.config.faults import Faults
    from runjd.config.locate import Path

    V = TypeVar("V")

#: of a key whose kind gives several fields
MANY = "*"


class Key(Value):
    """
    One key.

    :ivar field: what it sets; empty: the field of the same name, with _ for -; :data:`MANY`: several.
    """

    name: str
    kind: Kind | Section
    field: str = ""


class Section(Value):
    """
    A table, or a short form of it.

    :ivar empty: the base where there is none yet.
    :ivar short: what is read of a value that is no table, as the fields that it sets; raises ValueError.
    :ivar check: yields what is wrong with the whole: a key, or an empty string, and the reason. It is
        given the value and the names of the keys that were written.
    """

    expected: str
    empty: Any
    keys: tuple[Key, ...]
    short: Callable[[object], Mapping[str, object]] | None = None
    check: Callable[[Any, Mapping[str, object]], Iterator[tuple[str, str]]] | None = None


def read_keys(keys: Sequence[Key], table: Mapping[str, object], base: V, path: Path, faults: Faults) -> V:
    """Return the base with what the table says of those keys."""
    fields: dict[str, object] = {}
    for key in keys:
        if key.name not in table:
            continue
        value, place = table[key.name], (*path, key.name)
        field = key.field or key.name.replace("-", "_")
        if isinstance(key.kind, Section):
            fields[field] = read_section(key.kind, value, getattr(base, field), place, faults)
            continue
        try:
            read = key.kind.read(value)
        except ValueError as error:
            faults.add(place, mismatch(value, key.kind.expected, str(error)))
            continue
        if field == MANY:
            fields.update(read)  # type: ignore[call-overload]
        else:
            fields[field] = read
    made: Any = base
    return made._replace(**fields) if fields else base


def read_section(section: Section, value: object, base: Any, path: Path, faults: Faults) -> Any:
    """Return the base, or the section's own, with what the table or its short form says."""
    base = section.empty if base is None else base
    if not isinstance(value, dict):
        try:
            if section.short is None:
                raise ValueError
            return base._replace(**section.short(value))
        except ValueError as error:
            faults.add(path, mismatch(value, section.expected, str(error)))
            return base
    refuse_unknown(value, [key.name for key in section.keys], path, faults)
    wrong_before = len(faults)
    made = read_keys(section.keys, value, base, path, faults)
    if section.check is not None and len(faults) == wrong_before:
        for name, reason in section.check(made, value):
            faults.add((*path, name) if name else path, reason)
    return made


def refuse_unknown(table: Mapping[str, object], known: Sequence[str], path: Path, faults: Faults) -> None:
    """Note each key that is not known, with the one that was probably meant."""
    for name in table:
        if name in known:
            continue
        near = get_close_matches(name[:100].lower().replace("_", "-"), known, n=1)
        if near:
            rest = f'; did you mean "{near[0]}"?'
        else:
            rest = f"; there is {', '.join(known)}"
        faults.add((*path, name), f"no such key{rest}")


def mismatch(value: object, expected: str, hint: str = "") -> str:
    """Return what is wrong with a value that is not what was expected."""
    if isinstance(value, dict):
        shown = "a table"
    elif isinstance(value, str):
        shown = quoted(value)
    else:
        shown = found(value)
    return f"found {shown}, expected {expected}" + (f"; {hint}" if hint else "")


def names_of(keys: Sequence[Key], above: str = "") -> Iterator[str]:
    """Yield the names of all keys, as ``stop.timeout``."""
    for key in keys:
        name = f"{above}{key.name}"
        yield name
        if isinstance(key.kind, Section):
            yield from names_of(key.kind.keys, f"{name}.")
