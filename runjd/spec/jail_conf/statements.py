"""
jail.conf(5) as statements: parameters, variables, definitions of jails. Pure.

Files are read by whoever asks, so that ``.include`` can be followed, and a pattern in it.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jail_conf.tokens import Text, Token, tokens
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    #: returns name and text of each file that a pattern names, relative to the file that names it
    Reader = Callable[[str, str], Sequence[tuple[str, str]]]

_DEEPEST = 32


class Assignment(Value):
    """
    ``name = value, value;``, ``name += value;`` or ``name;``.

    :ivar name: begins with ``$`` for a variable.
    :ivar values: none where the parameter stands alone, which says that it is true.
    :ivar adds: to what the parameter has already.
    """

    name: str
    values: tuple[Token, ...]
    adds: bool
    file: str
    line: int


class Definition(Value):
    """``name { ... }``; the name may be a pattern with ``*`` for a component, or empty: what stands outside."""

    name: str
    assignments: tuple[Assignment, ...]
    file: str
    line: int


def parse(text: str, file: str, read: Reader) -> tuple[Definition, ...]:
    """
    Return the definitions of a file and of those that it includes, in their order.

    :param read: reads what ``.include`` names.
    :raise SpecError: with ``file:line``.
    """
    return tuple(_Parser(text, file, read, 0).run())


class _Parser:
    def __init__(self, text: str, file: str, read: Reader, depth: int) -> None:
        self._tokens = list(tokens(text, file))
        self._file = file
        self._read = read
        self._depth = depth
        self._at = 0

    def run(self) -> Iterator[Definition]:
        while self._at < len(self._tokens):
            name = self._next("a parameter or the name of a jail")
            if name.kind != "string":
                raise self._fault(name, f"found {name}, expected a parameter or the name of a jail")
            if self._is_include(name):
                yield from self._include()
            elif self._peek() == "{":
                yield self._definition(name)
            else:
                assignment = self._assignment(name)
                yield Definition("", (assignment,), self._file, name.line)

    def _definition(self, name: Token) -> Definition:
        self._at += 1
        found = []
        while self._peek() != "}":
            inner = self._next(f'a parameter, or "}}" for the "{{" of line {name.line}')
            if inner.kind != "string":
                raise self._fault(inner, f"found {inner}, expected a parameter")
            found.append(self._assignment(inner))
        self._at += 1
        return Definition(self._plain(name), tuple(found), self._file, name.line)

    def _assignment(self, name: Token) -> Assignment:
        key = self._key(name)
        operator = self._next('"=", "+=" or ";"')
        if operator.kind == ";":
            return Assignment(key, (), False, self._file, name.line)
        if operator.kind not in ("=", "+="):
            raise self._fault(operator, f'found {operator} behind {name}, expected "=", "+=" or ";"')
        values = []
        while True:
            value = self._next("a value")
            if value.kind != "string":
                raise self._fault(value, f"found {value}, expected a value")
            values.append(value)
            end = self._next('"," or ";"')
            if end.kind == ";":
                return Assignment(key, tuple(values), operator.kind == "+=", self._file, name.line)
            if end.kind != ",":
                raise self._fault(end, f'found {end}, expected "," or ";"; is there a ";" missing?')

    def _include(self) -> Iterator[Definition]:
        pattern = self._next("the name of a file")
        end = self._next('";"')
        if pattern.kind != "string" or end.kind != ";":
            raise self._fault(pattern, 'expected the name of a file and ";" behind .include')
        if self._depth >= _DEEPEST:
            raise self._fault(pattern, f"files include each other {_DEEPEST} deep; is this a loop?")
        for file, text in self._read(self._plain(pattern), self._file):
            yield from _Parser(text, file, self._read, self._depth + 1).run()

    def _is_include(self, name: Token) -> bool:
        return name.is_word and name.pieces == (Text(".include"),)

    def _key(self, name: Token) -> str:
        """Return the name of a parameter; that of a variable begins with ``$``, also in quotes."""
        if len(name.pieces) == 1 and not isinstance(name.pieces[0], Text):
            return f"${name.pieces[0].name}"
        return self._plain(name)

    def _plain(self, token: Token) -> str:
        parts = [each.text for each in token.pieces if isinstance(each, Text)]
        if len(parts) < len(token.pieces):
            raise self._fault(token, f"{token} cannot have a variable in it")
        return "".join(parts)

    def _peek(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _next(self, expected: str) -> Token:
        if self._at == len(self._tokens):
            last = self._tokens[-1].line if self._tokens else 1
            raise SpecError("", f"the file ends too early; expected {expected}", f"{self._file}:{last}")
        self._at += 1
        return self._tokens[self._at - 1]

    def _fault(self, token: Token, reason: str) -> SpecError:
        return SpecError("", reason, f"{self._file}:{token.line}")
