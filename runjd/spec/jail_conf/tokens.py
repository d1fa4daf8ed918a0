"""
jail.conf(5) as tokens. Pure.

Comments are those of C, C++ and the shell.  A string is a word, or stands in quotes;
in all but single quotes a backslash escapes, and ``$name`` or ``${name}`` stands for a
variable, which is kept apart until it is known what it is.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.quote import quoted
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: what a token of its own is
_SPECIAL = "{}=,;"
_BLANK = " \t\r\n\f\v"
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_OCTAL = "01234567"
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_PARAMETER = _NAME | {".", "-"}


class Text(Value):
    """A piece of a string as it is."""

    text: str


class Variable(Value):
    """A piece of a string that stands for the value of a variable or a parameter."""

    name: str


class Token(Value):
    """
    One token, and where it is.

    :ivar kind: one of ``{ } = += , ;``, or ``string``.
    :ivar pieces: of a string.
    :ivar is_word: the string stands without quotes.
    """

    kind: str
    line: int
    pieces: tuple[Text | Variable, ...] = ()
    is_word: bool = False

    def __str__(self) -> str:
        if self.kind != "string":
            return quoted(self.kind)
        return quoted("".join(each.text if isinstance(each, Text) else f"${{{each.name}}}" for each in self.pieces))


def tokens(text: str, file: str) -> Iterator[Token]:
    """
    Yield the tokens of a file.

    :param file: its name, for errors.
    :raise SpecError: with ``file:line``.
    """
    return iter(_Lexer(text, file).run())


class _Lexer:
    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._line = 1

    def run(self) -> list[Token]:
        found = []
        while self._skip_blank():
            here = self._peek()
            if here in _SPECIAL:
                found.append(Token(self._take(), self._line))
            elif self._text.startswith("+=", self._at):
                self._at += 2
                found.append(Token("+=", self._line))
            else:
                found.append(self._string())
        return found

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._text[self._at]
        self._at += 1
        if character == "\n":
            self._line += 1
        return character

    def _skip_blank(self) -> bool:
        """Skip blanks and comments; return whether there is more."""
        while here := self._peek():
            if here in _BLANK:
                self._take()
            elif here == "#" or self._text.startswith("//", self._at):
                end = self._text.find("\n", self._at)
                self._at = len(self._text) if end < 0 else end
            elif self._text.startswith("/*", self._at):
                self._skip_comment()
            else:
                return True
        return False

    def _skip_comment(self) -> None:
        end = self._text.find("*/", self._at + 2)
        if end < 0:
            raise self._fault("a comment begins with /* and has no end")
        self._line += self._text.count("\n", self._at, end)
        self._at = end + 2

    def _string(self) -> Token:
        line = self._line
        pieces: list[Text | Variable] = []
        is_word = True
        while (here := self._peek()) and here not in _BLANK and here not in _SPECIAL:
            if here in "\"'":
                is_word = False
                self._quoted(self._take(), pieces)
            elif here == "$":
                pieces.append(self._variable())
            elif self._text.startswith(("+=", "/*", "//"), self._at) or here == "#":
                break
            else:
                _add(pieces, self._escape() if here == "\\" else self._take())
        return Token("string", line, tuple(pieces), is_word)

    def _quoted(self, quote: str, pieces: list[Text | Variable]) -> None:
        line = self._line
        _add(pieces, "")
        while here := self._peek():
            if here == quote:
                self._at += 1
                return
            if here == "$" and quote == '"':
                pieces.append(self._variable())
            elif here == "\\" and quote == '"':
                _add(pieces, self._escape())
            else:
                _add(pieces, self._take())
        self._line = line
        raise self._fault(f"a string begins with {quote} and has no end")

    def _variable(self) -> Text | Variable:
        self._at += 1
        if self._peek() == "{":
            end = self._text.find("}", self._at)
            name = self._text[self._at + 1 : max(end, self._at)]
            if not name or not _PARAMETER.issuperset(name):
                raise self._fault("${ is followed by no name and }")
            self._at = end + 1
            return Variable(name)
        end = self._at
        while self._text[end : end + 1] in _NAME and end < len(self._text):
            end += 1
        name = self._text[self._at : end]
        self._at = end
        return Variable(name) if name else Text("$")

    def _escape(self) -> str:
        self._at += 1
        if not self._peek():
            raise self._fault("a backslash stands at the end of the file")
        here = self._take()
        if here == "\n":
            return ""
        if here in _OCTAL:
            digits = here
            while len(digits) < 3 and self._peek() and self._peek() in _OCTAL:
                digits += self._take()
            return chr(int(digits, 8) & 0xFF)
        return _ESCAPES.get(here, here)

    def _fault(self, reason: str) -> SpecError:
        return SpecError("", reason, f"{self._file}:{self._line}")


def _add(pieces: list[Text | Variable], text: str) -> None:
    if pieces and isinstance(pieces[-1], Text):
        pieces[-1] = Text(pieces[-1].text + text)
    else:
        pieces.append(Text(text))
