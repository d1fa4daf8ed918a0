r"""
On which line each key of a TOML document stands.

tomllib tells lines of what it cannot read, but not of what it read.  This goes over a
text that tomllib has accepted and trusts it in all that tomllib checks: so it needs to
know only where a value ends (TOML 1.0.0).
"""

from __future__ import annotations

import re
import tomllib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    #: names of keys, and positions in arrays from 0
    Path: TypeAlias = "tuple[str | int, ...]"

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\"]++|\\.|"(?!""))*+"{3,5}'
    r"|'''(?:[^']++|'(?!''))*+'{3,5}"
    r'|"(?:[^\\"\n]++|\\.)*+"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
# a blank may stand between date and time
_SCALAR = re.compile(r"(?:\d{4}-\d\d-\d\d (?=\d\d:))?[^,\]}#\s]+")


def locate(text: str) -> dict[Path, int]:
    """
    Return the line, from 1, on which each key, table and element of an array first appears.

    :param text: what tomllib.loads accepts.
    """
    return _Locator(text.replace("\r\n", "\n")).run()


class _Locator:
    """A walk over one text; ``at`` is where it stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted = (0, 1)
        self._lines: dict[Path, int] = {}
        #: for each array of tables its last index
        self._last: dict[Path, int] = {}

    def run(self) -> dict[Path, int]:
        text = self._text
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(text):
            if text.startswith("[[", self._at):
                self._at += 2
                table = self._header(is_element=True)
                self._at += 2
            elif text[self._at] == "[":
                self._at += 1
                table = self._header(is_element=False)
                self._at += 1
            else:
                self._value(self._key(table))
            self._skip(_BLANK)
        return self._lines

    def _header(self, is_element: bool) -> Path:
        line = self._line()
        names = self._names()
        path: Path = ()
        for name in names[:-1]:
            path = self._inner(self._note((*path, name), line))
        path = self._note((*path, names[-1]), line)
        if not is_element:
            return path
        self._last[path] = self._last.get(path, -1) + 1
        return self._note(self._inner(path), line)

    def _key(self, table: Path) -> Path:
        """Read ``name.name =`` and return where its value belongs."""
        line = self._line()
        for name in self._names():
            table = self._note((*table, name), line)
        self._at += 1
        return table

    def _names(self) -> list[str]:
        """Read a key, up to the character behind it."""
        names = []
        while True:
            self._skip(_SPACE)
            names.append(self._name())
            self._skip(_SPACE)
            if self._text[self._at] != ".":
                return names
            self._at += 1

    def _name(self) -> str:
        literal = self._take(_STRING if self._text[self._at] in "\"'" else _BARE_KEY)
        if literal[0] == '"' and "\\" in literal:
            return next(iter(tomllib.loads(f"{literal}=0")))
        return literal[1:-1] if literal[0] in "\"'" else literal

    def _value(self, path: Path) -> None:
        """Go over a value, and all that is in it; without recursion, as deep as it may be."""
        around: list[tuple[Path, int]] = []  # arrays with the next index, inline tables with -1
        inner: Path | None = path
        while True:
            if inner is not None:
                self._skip(_SPACE)
                first = self._text[self._at]
                if first in "[{":
                    self._at += 1
                    around.append((inner, 0 if first == "[" else -1))
                else:
                    self._take(_STRING if first in "\"'" else _SCALAR)
            if not around:
                return
            self._skip(_BLANK)
            if self._text[self._at] == ",":
                self._at += 1
                self._skip(_BLANK)
            outer, index = around.pop()
            if self._text[self._at] in "]}":
                self._at += 1
                inner = None
                if not around:
                    return
            elif index < 0:
                inner = self._key(outer)
                around.append((outer, -1))
            else:
                inner = self._note((*outer, index), self._line())
                around.append((outer, index + 1))

    def _inner(self, path: Path) -> Path:
        """Return the element that a name of an array of tables stands for: the last one."""
        return (*path, self._last[path]) if path in self._last else path

    def _note(self, path: Path, line: int) -> Path:
        self._lines.setdefault(path, line)
        return path

    def _line(self) -> int:
        at, line = self._counted
        line += self._text.count("\n", at, self._at)
        self._counted = (self._at, line)
        return line

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError(f"no TOML at position {self._at}")
        self._at = found.end()
        return found[0]
