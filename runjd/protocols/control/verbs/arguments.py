"""
The arguments of verbs: declared once, checked once.

From one declaration come the check, the error that names verb and argument, the
line of HELP, and the test of the manual page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Generic, TypeVar, overload

from runjd.errors import BadArgument
from runjd.protocols.control.request import Request

T = TypeVar("T")
D = TypeVar("D")


class Argument(Generic[T]):
    """
    One argument.

    :param name: of a key as it stands before ``=``; of a word as HELP shows it.
    :param parse: makes the value, or raises ValueError saying what it must be, or
        BadArgument saying what is wrong.
    :param form: what HELP shows for the value of a key.
    :param is_required: for words: it must be given.
    :param is_repeated: for words: as many as there are, the last argument; for
        keys: the key is ``name.N`` with a number, and may be given with several.
    """

    __slots__ = ("form", "is_repeated", "is_required", "name", "parse")

    def __init__(
        self,
        name: str,
        parse: Callable[[str], T],
        form: str = "",
        *,
        is_required: bool = False,
        is_repeated: bool = False,
    ) -> None:
        self.name = name
        self.parse = parse
        self.form = form
        self.is_required = is_required
        self.is_repeated = is_repeated


class Arguments:
    """The checked arguments of one request."""

    __slots__ = ("_found",)

    def __init__(self, found: Mapping[str, Sequence[object]]) -> None:
        self._found = found

    @property
    def names(self) -> frozenset[str]:
        """The names of all that were given."""
        return frozenset(self._found)

    @overload
    def get(self, argument: Argument[T]) -> T | None: ...

    @overload
    def get(self, argument: Argument[T], default: D) -> T | D: ...

    def get(self, argument: Argument[T], default: object = None) -> object:
        """Return its value, or the default where it was not given."""
        found = self._found.get(argument.name)
        return found[0] if found else default

    def need(self, argument: Argument[T]) -> T:
        """Return the value of an argument that is required."""
        return self._found[argument.name][0]  # type: ignore[return-value]

    def all(self, argument: Argument[T]) -> Sequence[T]:
        """Return all values of a repeated argument."""
        return self._found.get(argument.name, ())  # type: ignore[return-value]


def check_arguments(verb: str, words: Sequence[Argument], keys: Sequence[Argument], request: Request) -> Arguments:  # type: ignore[type-arg]
    """
    Return the arguments of a request.

    :raise BadArgument: one is missing, is not known, or has a wrong value.
    """
    if not request.words and not request.options and not any(word.is_required for word in words):
        return Arguments({})
    verb = verb.lower()
    found: dict[str, list[object]] = {}
    left = list(request.words)
    for word in words:
        taken, left = (left, []) if word.is_repeated else (left[:1], left[1:])
        if word.is_required and not taken:
            raise BadArgument(f"{verb} needs {word.name}", verb=verb, arg=word.name)
        if taken:
            found[word.name] = [_value(verb, word, word.name, text) for text in taken]
    if left:
        raise BadArgument(f'{verb} takes no such argument: "{left[0]}"', verb=verb, arg=left[0])
    numbered: list[tuple[str, int, object]] = []
    for key, text in request.options.items():
        argument, number = _find(verb, keys, key)
        if number < 0:
            found[key] = [_value(verb, argument, key, text)]
        else:
            numbered.append((argument.name, number, _value(verb, argument, key, text)))
    for name, _, value in sorted(numbered, key=lambda each: each[:2]):
        found.setdefault(name, []).append(value)
    return Arguments(found)


def did_you_mean(given: str, known: Sequence[str]) -> str:
    """Return a hint, with its semicolon, that names the nearest of what is known; empty where nothing is near."""
    near = get_close_matches(given, known, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _find(verb: str, keys: Sequence[Argument], key: str) -> tuple[Argument, int]:  # type: ignore[type-arg]
    """Return the argument of that key and its number, -1 where it has none."""
    name, dot, number = key.rpartition(".")
    is_numbered = bool(dot) and number.isascii() and number.isdigit() and len(number) <= 9
    for argument in keys:
        if argument.is_repeated:
            if is_numbered and argument.name == name:
                return argument, int(number)
        elif argument.name == key:
            return argument, -1
    spelled = {argument.name: f"{argument.name}.1" if argument.is_repeated else argument.name for argument in keys}
    wanted = name if name in spelled else key
    hint = f'; did you mean "{spelled[wanted]}"?' if wanted in spelled else did_you_mean(key, list(spelled.values()))
    raise BadArgument(f'{verb} knows no key "{key}"{hint}', verb=verb, arg=key)


def _value(verb: str, argument: Argument[T], name: str, text: str) -> T:
    try:
        return argument.parse(text)
    except ValueError as error:
        raise BadArgument(f'{verb}: {name} {error}, not "{text[:100]}"', verb=verb, arg=name) from None
    except BadArgument as error:
        raise BadArgument(f"{verb}: {error.message}", verb=verb, arg=name) from None
