"""
How systemd's control groups are named by a bundle, and its units on the bus. Pure.

``linux.cgroupsPath`` is ``slice:prefix:name`` (runc's libcontainer, docs/systemd.md):
the group is that of the scope ``prefix-name.scope`` in the slice.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.values import Value

PATH = "linux.cgroupsPath"
_UNITS = "/org/freedesktop/systemd1/unit/"
_SLICE, _SCOPE = ".slice", ".scope"
_DEFAULT_SLICE = "system.slice"
#: what a name of a unit is made of (systemd.unit(5))
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@")
_LABEL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_LONGEST = 255


class Scope(Value):
    """
    A scope that systemd is to make.

    :ivar slice: the slice that it is in; one named ``a-b.slice`` is in ``a.slice``.
    :ivar unit: its own name.
    """

    slice: str
    unit: str


def default_path(id: str) -> str:
    """Return what a bundle means that names no group."""
    return f":runj:{id}"


def parse_scope(path: str) -> Scope:
    """
    Return the scope that ``linux.cgroupsPath`` means.

    :raise SpecError: it has another form, or names no unit that can be.
    """
    parts = path.split(":")
    if len(parts) != 3 or not parts[2]:
        raise SpecError(
            PATH,
            f'"{path}" is none of systemd; expected slice:prefix:name, as machine.slice:libpod:web, '
            "or leave out --systemd-cgroup, in containerd's configuration SystemdCgroup",
        )
    slice, prefix, name = parts
    if name.endswith(_SLICE):
        raise SpecError(PATH, f"{name} is a slice, which has no processes; expected the name of a scope")
    slice = slice or _DEFAULT_SLICE
    _check_slice(slice)
    unit = (f"{prefix}-{name}" if prefix else name) + _SCOPE
    if not set(unit) <= _PLAIN or len(unit) > _LONGEST:
        raise SpecError(PATH, f"{unit!a} is no name of a unit; it is up to {_LONGEST} letters, digits and -_.@\\")
    return Scope(slice, unit)


def unit_object(unit: str) -> str:
    """Return the path of a unit on the bus: other characters than letters by their number (sd_bus_path_encode)."""
    return _UNITS + "".join(_escaped(each, index) for index, each in enumerate(unit))


def _check_slice(slice: str) -> None:
    stem = slice.removesuffix(_SLICE)
    is_root = stem == "-"
    has_gap = not all(stem.split("-"))
    if not slice.endswith(_SLICE) or not set(slice) <= _PLAIN or len(slice) > _LONGEST or (has_gap and not is_root):
        raise SpecError(PATH, f'"{slice}" is no slice; expected one as machine.slice or kubepods-pod1.slice')


def _escaped(character: str, index: int) -> str:
    if character in _LABEL and (index or not character.isdigit()):
        return character
    return f"_{ord(character):02x}"
