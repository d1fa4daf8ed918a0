"""Lines of fstab(5), as ``mount`` and ``mount.fstab`` of a jail have them. Pure."""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.quote import quoted
from runjd.values import Value

#: mount(8): what only its own programs read
_OF_MOUNT = frozenset(["late", "failok", "noauto", "rw"])


class Entry(Value):
    """One line: what is mounted where."""

    source: str
    target: str
    kind: str
    options: tuple[str, ...]

    def mount(self, destination: str) -> dict[str, object]:
        """Return the mount of a bundle, at a path in the jail."""
        return {
            "destination": destination,
            "type": self.kind,
            "source": self.source,
            "options": [each for each in self.options if each not in _OF_MOUNT],
        }


def parse_fstab(line: str, place: str) -> Entry | None:
    """
    Return what a line says, None for an empty one or a comment.

    :param place: where it stands, for errors.
    :raise SpecError: it has too few fields.
    """
    fields = line.partition("#")[0].split()
    if not fields:
        return None
    if len(fields) < 3:
        raise SpecError("", f"found {quoted(line)}, expected source, mount point, type and options (fstab(5))", place)
    source, target, kind = (_unescape(each) for each in fields[:3])
    options = fields[3].split(",") if len(fields) > 3 else []
    return Entry(source, target.rstrip("/") or "/", kind, tuple(_unescape(each) for each in options))


def _unescape(text: str) -> str:
    """Return a field with its octal codes worked out: a blank is 040 (strunvis(3))."""
    parts = text.split("\\")
    found = parts[0]
    for each in parts[1:]:
        code = each[:3]
        if len(code) == 3 and set(code) <= set("01234567"):
            found += chr(int(code, 8) & 0xFF) + each[3:]
        else:
            found += "\\" + each
    return found
