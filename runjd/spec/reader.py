"""
Reading typed properties out of a JSON object, with the path of every fault.

A reader does not stop at the first fault: it notes it, returns a stand-in and
goes on, so that a person mends a document in one round.  :meth:`Faults.check`
raises at the end.  Paths are put together only for objects and for faults.

``null`` is a fault wherever a property is known: the specification's types have
no null, and whether it means "absent" or "none at all" would be a guess.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.jsontext import join_path
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1
#: the highest uid or gid; one more is (uid_t)-1, which setresuid(2) and chown(2) read as "leave it"
ID_MAX = 2**32 - 2

_SHOWN = 20
_KEPT = 200


class Faults:
    """What is wrong with one document, in the order it was found."""

    __slots__ = ("_found", "_more")

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []
        self._more = 0

    def add(self, path: str, reason: str) -> None:
        """Note a fault; a document that is wrong all over does not fill the memory."""
        if len(self._found) < _KEPT:
            self._found.append((path, reason))
        else:
            self._more += 1

    def check(self, file: str) -> None:
        """:raise SpecError: with all faults in its reason and the path of the first, where there are any."""
        if not self._found:
            return
        path, reason = self._found[0]
        others = self._found[1:]
        if others:
            shown = "; ".join(f"{each}: {why}" if each else why for each, why in others[: _SHOWN - 1])
            hidden = len(others) - (_SHOWN - 1) + self._more
            reason = f"{reason}; and {shown}" + (f"; and {hidden} more" if hidden > 0 else "")
        raise SpecError(path, reason, file)


class Reader:
    """One JSON object: each method reads one property, and notes what is wrong with it."""

    __slots__ = ("faults", "fields", "path")

    def __init__(self, fields: dict[str, object], path: str, faults: Faults) -> None:
        self.fields = fields
        self.path = path
        self.faults = faults

    def fault(self, name: str, reason: str) -> None:
        """Note a fault of the property."""
        self.faults.add(join_path(self.path, name), reason)

    def fault_at(self, name: str, index: int, reason: str) -> None:
        """Note a fault of one element of an array."""
        self.faults.add(f"{join_path(self.path, name)}[{index}]", reason)

    def require(self, name: str, expected: str) -> bool:
        """Return whether the property is there; it is a fault where it is not."""
        if name in self.fields:
            return True
        self.fault(name, f"is missing; expected {expected}")
        return False

    def text(self, name: str, expected: str = "a string") -> str:
        """Return a string without NUL; empty where absent."""
        value = self.fields.get(name)
        if isinstance(value, str) and "\0" not in value and (value.isascii() or _is_unicode(value)):
            return value
        if value is not None or name in self.fields:
            self.fault(name, _text_fault(value, expected))
        return ""

    def path_text(self, name: str, expected: str = "an absolute path") -> str:
        """Return a string that starts with a slash; empty where absent."""
        value = self.text(name, expected)
        if not value.startswith("/") and value == self.fields.get(name):
            self.fault(name, f"found {quoted(value)}, expected {expected}")
        return value

    def choice(self, name: str, choices: Collection[str]) -> str:
        """Return one of the words; empty where absent."""
        value = self.text(name, f"one of {', '.join(choices)}")
        if value not in choices and value == self.fields.get(name):
            self.fault(name, f"found {quoted(value)}, expected one of {', '.join(choices)}")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return true or false; None where absent."""
        value = self.fields.get(name)
        if value is True or value is False:
            return value
        if value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected true or false")
        return None

    def integer(self, name: str, low: int, high: int, hint: str = "") -> int | None:
        """Return a whole number of the range; None where absent."""
        value = self.fields.get(name)
        if type(value) is int and low <= value <= high:
            return value
        if value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected a whole number from {low} to {high}{hint}")
        return None

    def required_integer(self, name: str, low: int, high: int, hint: str = "") -> int:
        """Return a whole number of the range; absence is a fault."""
        value = self.integer(name, low, high, hint)
        if value is None:
            self.require(name, f"a whole number from {low} to {high}{hint}")
            return low
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return an array of strings without NUL; empty where absent."""
        value = self.fields.get(name)
        if isinstance(value, list):
            try:
                joined = "".join(value)
            except TypeError:
                pass
            else:
                if "\0" not in joined and (joined.isascii() or _is_unicode(joined)):
                    return tuple(value)
            for index, each in enumerate(value):
                if not (isinstance(each, str) and "\0" not in each and _is_unicode(each)):
                    self.fault_at(name, index, _text_fault(each, "a string"))
        elif value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected an array of strings")
        return ()

    def path_texts(self, name: str) -> tuple[str, ...]:
        """Return an array of absolute paths; empty where absent."""
        values = self.texts(name)
        for index, each in enumerate(values):
            if not each.startswith("/"):
                self.fault_at(name, index, f"found {quoted(each)}, expected an absolute path")
        return values

    def integers(self, name: str, low: int, high: int) -> tuple[int, ...]:
        """Return an array of whole numbers of the range; empty where absent."""
        value = self.fields.get(name)
        if isinstance(value, list):
            for index, each in enumerate(value):
                if type(each) is not int or not low <= each <= high:
                    self.fault_at(name, index, f"found {found(each)}, expected a whole number from {low} to {high}")
                    return ()
            return tuple(value)
        if value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected an array of whole numbers")
        return ()

    def object(self, name: str) -> Reader | None:
        """Return a reader of the object; None where absent."""
        value = self.fields.get(name)
        if isinstance(value, dict):
            return Reader(value, join_path(self.path, name), self.faults)
        if value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected an object")
        return None

    def objects(self, name: str) -> Iterator[Reader]:
        """Yield a reader for each object of an array; none where absent."""
        value = self.fields.get(name)
        if isinstance(value, list):
            path = join_path(self.path, name)
            for index, each in enumerate(value):
                if isinstance(each, dict):
                    yield Reader(each, f"{path}[{index}]", self.faults)
                else:
                    self.faults.add(f"{path}[{index}]", f"found {found(each)}, expected an object")
        elif value is not None or name in self.fields:
            self.fault(name, f"found {found(value)}, expected an array of objects")

    def text_map(self, name: str) -> tuple[tuple[str, str], ...]:
        """Return an object whose values are strings, in the document's order; empty where absent."""
        inner = self.object(name)
        if inner is None:
            return ()
        pairs = []
        for key in inner.fields:
            if not key or "\0" in key or not _is_unicode(key):
                inner.fault(key, "expected a name that is Unicode, not empty and without NUL")
            else:
                pairs.append((key, inner.text(key)))
        return tuple(pairs)

    def asked_for(self, names: Collection[str]) -> tuple[str, ...]:
        """Return which of the properties, all of them objects, are there and ask for something."""
        return tuple([name for name in names if name in self.fields and self._asks(name)])

    def _asks(self, name: str) -> bool:
        inner = self.object(name)
        return inner is not None and bool(inner.fields)


def found(value: object) -> str:
    """Return what a fault says it found: short, on one line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, int):
        return str(value) if -(10**30) < value < 10**30 else "a number that is far too large"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return f"an array of {len(value)}" if value else "an empty array"
    if isinstance(value, dict):
        return "an object"
    return f"a {type(value).__name__}"


def _is_unicode(text: str) -> bool:
    """Return whether the text has no lone surrogate: JSON can write one, a system call cannot take it."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text_fault(value: object, expected: str) -> str:
    if not isinstance(value, str):
        return f"found {found(value)}, expected {expected}"
    if "\0" in value:
        return f"found {quoted(value)}, expected {expected} without NUL"
    return f"found {quoted(value)}, expected {expected} without half a surrogate pair"
