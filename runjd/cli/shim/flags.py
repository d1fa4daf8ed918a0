"""Command lines as Go's flag package reads them: -name value, -name=value, one dash or two, then words."""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

#: flags with a value; containerd's and, the last two, those of our own relay
_VALUES = (
    "namespace",
    "id",
    "address",
    "publish-binary",
    "bundle",
    "socket",
    "debug-socket",
    "listen",
    "directory",
    "events",
    "private",
)
_SWITCHES = ("debug", "v", "info", "help", "h")
_TRUE, _FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")


class Flags(Value):
    """
    A command line that was understood.

    :ivar values: by the names of the flags that were given.
    :ivar switches: names of those that were given and are not said to be false.
    :ivar words: what follows.
    """

    values: dict[str, str]
    switches: frozenset[str]
    words: tuple[str, ...]

    def value(self, name: str) -> str:
        """Return the value of a flag. :raise BadArgument: it was not given, or is empty."""
        if not self.values.get(name):
            raise BadArgument(f"-{name} was not given")
        return self.values[name]


def parse(arguments: Sequence[str]) -> Flags:
    """
    Read a command line.

    :raise BadArgument: there is no such flag, or its value is missing or makes no sense.
    """
    values: dict[str, str] = {}
    switches: dict[str, bool] = {}
    at = 0
    while at < len(arguments):
        word = arguments[at]
        if len(word) < 2 or word[0] != "-":
            break
        at += 1
        if word == "--":
            break
        name, equals, value = word[2 if word.startswith("--") else 1 :].partition("=")
        if name in _SWITCHES:
            switches[name] = _truth(name, value if equals else "true")
        elif name not in _VALUES:
            raise BadArgument(f"there is no flag -{name}; -help lists them")
        elif equals:
            values[name] = value
        elif at < len(arguments):
            values[name] = arguments[at]
            at += 1
        else:
            raise BadArgument(f"-{name} needs a value")
    given = frozenset(name for name, is_given in switches.items() if is_given)
    return Flags(values, given, tuple(arguments[at:]))


def _truth(name: str, text: str) -> bool:
    if text not in (*_TRUE, *_FALSE):
        raise BadArgument(f"-{name} is true or false, not {text}")
    return text in _TRUE
