"""
The jails that a jail.conf(5) defines, each with all its parameters. Pure.

What stands outside of a definition, and in definitions whose name is a pattern, comes
first, in the order of the file; the jail's own parameters are stronger.  Variables are
looked up when everything is together, so they may be set behind their use.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jail_conf.tokens import Text, Token
from runjd.spec.quote import quoted
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runjd.spec.jail_conf.statements import Assignment, Definition

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


class Setting(Value):
    """A parameter of a jail: its values, none where it stands alone; and where it was set last."""

    values: tuple[str, ...]
    file: str
    line: int

    @property
    def place(self) -> str:
        """Where it stands, as ``file:line``."""
        return f"{self.file}:{self.line}"


class DefinedJail(Value):
    """One jail, its parameters by name in the order they were set first, variables left out."""

    name: str
    settings: dict[str, Setting]
    file: str
    line: int

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter."""
        found = self.settings.get(name)
        return found.values[-1] if found and found.values else default

    def values(self, name: str) -> tuple[str, ...]:
        """Return all values of a parameter."""
        return self.settings[name].values if name in self.settings else ()

    def flag(self, name: str) -> bool | None:
        """
        Return whether a parameter is true, None where it is not set.

        ``allow.nomount`` says of ``allow.mount`` that it is false.

        :raise SpecError: its value is neither true nor false.
        """
        above, dot, last = name.rpartition(".")
        negated = self.settings.get(f"{above}{dot}no{last}")
        found = self.settings.get(name)
        if found is None or (negated is not None and (negated.file, negated.line) > (found.file, found.line)):
            return None if negated is None else not _truth(negated, name)
        return _truth(found, name)


def defined_jails(definitions: Sequence[Definition]) -> tuple[DefinedJail, ...]:
    """
    Return the jails of a file, in its order.

    :raise SpecError: a variable is not set, or stands for itself; with ``file:line``.
    """
    names: dict[str, Definition] = {}
    for each in definitions:
        if each.name and "*" not in each.name:
            names.setdefault(each.name, each)
    return tuple(_Gathering(name, definitions).jail(first) for name, first in names.items())


def matches(pattern: str, name: str) -> bool:
    """Whether a definition's name applies to a jail: ``*`` is a component, as the last one all that are left."""
    if pattern in ("", "*"):
        return True
    wanted, given = pattern.split("."), name.split(".")
    if wanted[-1] == "*" and len(given) >= len(wanted):
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(one in ("*", other) for one, other in zip(wanted, given, strict=True))


class _Gathering:
    """The parameters of one jail while they are put together."""

    def __init__(self, name: str, definitions: Sequence[Definition]) -> None:
        self._name = name
        self._tokens: dict[str, list[Token]] = {"name": [Token("string", 0, (Text(name),))]}
        self._places: dict[str, tuple[str, int]] = {"name": ("", 0)}
        for is_own in (False, True):
            for each in definitions:
                if (each.name == name) == is_own and matches(each.name, name):
                    for assignment in each.assignments:
                        self._set(assignment)

    def jail(self, first: Definition) -> DefinedJail:
        settings = {}
        for name, values in self._tokens.items():
            if name != "name" and not name.startswith("$"):
                file, line = self._places[name]
                found = tuple(value for each in values for value in self._expand(each, file, (name,)))
                settings[name] = Setting(found, file, line)
        return DefinedJail(self._name, settings, first.file, first.line)

    def _set(self, assignment: Assignment) -> None:
        before = self._tokens.get(assignment.name, []) if assignment.adds else []
        self._tokens[assignment.name] = [*before, *assignment.values]
        self._places[assignment.name] = (assignment.file, assignment.line)

    def _expand(self, token: Token, file: str, on_the_way: tuple[str, ...]) -> Iterator[str]:
        """Yield the values of a string; one that is nothing but a variable stands for all of its values."""
        if len(token.pieces) == 1 and not isinstance(token.pieces[0], Text):
            yield from self._look_up(token.pieces[0].name, token, file, on_the_way)
            return
        parts = []
        for piece in token.pieces:
            if isinstance(piece, Text):
                parts.append(piece.text)
            else:
                parts.append(",".join(self._look_up(piece.name, token, file, on_the_way)))
        yield "".join(parts)

    def _look_up(self, name: str, token: Token, file: str, on_the_way: tuple[str, ...]) -> Iterator[str]:
        key = f"${name}" if f"${name}" in self._tokens else name
        if key not in self._tokens:
            raise SpecError(
                "", f"the variable {quoted(name)} is not set for the jail {quoted(self._name)}", f"{file}:{token.line}"
            )
        if key in on_the_way:
            raise SpecError("", f"the variable {quoted(name)} stands for itself", f"{file}:{token.line}")
        for each in self._tokens[key]:
            yield from self._expand(each, self._places[key][0], (*on_the_way, key))


def _truth(setting: Setting, name: str) -> bool:
    if not setting.values:
        return True
    word = setting.values[-1].lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise SpecError("", f"{name}: found {quoted(setting.values[-1])}, expected true or false", setting.place)
