"""What is wrong with a configuration: all of it, each with its place."""

from __future__ import annotations

import re

from runjd.config.locate import locate
from runjd.errors import RunjdError
from runjd.spec.quote import quoted
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.config.locate import Path

_BARE = re.compile(r"[A-Za-z0-9_-]+")


class Fault(Value):
    """One thing that is wrong; ``line`` is 0 where it is the file itself, or all of it."""

    file: str
    line: int
    path: Path
    reason: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join([each for each in (where, shown_path(self.path), self.reason) if each])


class ConfigError(RunjdError):
    """
    A configuration is wrong, and nothing of it is used.

    :ivar faults: what is wrong, by file and line; never empty.
    """

    code = "CONFIG"
    exit_status = 78

    def __init__(self, faults: Sequence[Fault]) -> None:
        others = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{others}", file=faults[0].file, faults=len(faults))
        self.faults = tuple(faults)


class Faults:
    """
    What is wrong with one file, noted as it is found.

    :param text: what the file holds, for the lines; empty where it could not be read.
    """

    def __init__(self, file: str, text: str = "") -> None:
        self.file = file
        self._text = text
        self._lines: dict[Path, int] | None = None
        self._found: list[tuple[Path, int, str]] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: Path, reason: str) -> None:
        """Note what is wrong with a key."""
        self._found.append((path, 0, reason))

    def add_at(self, line: int, reason: str) -> None:
        """Note what is wrong on a line of a text that is no TOML."""
        self._found.append(((), line, reason))

    def line(self, path: Path) -> int:
        """Return where a key stands, or the innermost table around it that is there; 0 where none is."""
        if self._lines is None:
            self._lines = locate(self._text)
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 0)

    def all(self) -> list[Fault]:
        """Return all that was noted, by line."""
        found = [Fault(self.file, line or self.line(path), path, reason) for path, line, reason in self._found]
        return sorted(found, key=lambda each: each.line)


def shown_path(path: Path) -> str:
    """Return a path as TOML writes it, with positions in arrays: ``jail."a.b".requires[0]``."""
    shown = ""
    for each in path:
        if isinstance(each, int):
            shown += f"[{each}]"
        else:
            name = each if _BARE.fullmatch(each[:100]) and len(each) <= 100 else quoted(each, 100)
            shown += f".{name}" if shown else name
    return shown
