"""
Which hierarchies of control groups the host has, and where a jail's groups are in them. Pure.

Version 1 has a hierarchy for each controller, or for several that are mounted
together, and some with a name only; version 2 is one for all that are not in use
by version 1 (cgroups(7)).  A hybrid host has both, so each controller is looked
for where it is.
"""

from __future__ import annotations

import os

from runjd.errors import SpecError
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: ends the name of the group beside ours that the groups of jails are in
BESIDE = ".jails"
_SEPARATOR = " - "


class Hierarchy(Value):
    """
    One hierarchy.

    :ivar version: 1 or 2.
    :ivar controllers: its controllers; one of the form ``name=systemd`` has none.
    :ivar mount: where it is mounted.
    :ivar own: the directory of the group that we are in.
    """

    version: int
    controllers: tuple[str, ...]
    mount: str
    own: str

    @property
    def base(self) -> str:
        """
        The directory of the group that ours are made in.

        In version 2 a group that has processes, as the one that we are in, hands no controllers on, and a service of
        systemd whose group does cannot be started again: so it is one beside.  That it is another level keeps the
        controllers enabled above, which systemd takes away again where no group below hands them on.
        """
        return self.own if self.version == 1 or self.own == self.mount else self.own + BESIDE


class Host(Value):
    """The hierarchies of a host that we may change, version 1 first."""

    hierarchies: tuple[Hierarchy, ...]

    def of(self, controller: str) -> Hierarchy | None:
        """Return the hierarchy that a controller is in, None where the host does not have it."""
        return next((each for each in self.hierarchies if controller in each.controllers), None)

    def unified(self) -> Hierarchy | None:
        """Return the hierarchy of version 2, None where the host does not have it."""
        return next((each for each in self.hierarchies if each.version == 2), None)


def parse_host(mountinfo: str, groups: str, look: Callable[[str], str | None]) -> Host:
    """
    Return what a host has.

    :param mountinfo: ``/proc/self/mountinfo``; of several mounts of a hierarchy the first counts that can be reached.
    :param groups: ``/proc/self/cgroup``.
    :param look: returns ``cgroup.controllers`` of a mount point, empty for version 1; None where
        something else lies upon what is above it.
    """
    own = parse_groups(groups)
    found: dict[str, Hierarchy] = {}
    mounts = [
        (before.split(" "), behind)
        for before, _, behind in [line.partition(_SEPARATOR) for line in mountinfo.splitlines()]
    ]
    hidden = _hidden([fields for fields, _ in mounts])
    for fields, behind in mounts:
        if not behind.startswith("cgroup") or fields[0] in hidden:
            continue
        if "ro" in fields[5].split(","):
            # as in a container, which can make no group there
            continue
        root, mount = _unescaped(fields[3]), _unescaped(fields[4])
        kind, _, options = behind.split(" ")[:3]
        version = 2 if kind == "cgroup2" else 1
        name = next((each for each in own if _is_of(each, version, options)), None)
        if name is None or name in found or (controllers := look(mount)) is None:
            continue
        names = controllers.split() if version == 2 else name.split(",")
        found[name] = Hierarchy(version, tuple(names), mount, mount + _relative(own[name], root))
    return Host(tuple(sorted(found.values(), key=lambda each: each.version)))


def parse_groups(text: str) -> dict[str, str]:
    """Return controllers to path of one's own groups, from /proc/self/cgroup (cgroups(7)); "" for version 2."""
    found = {}
    for line in text.splitlines():
        _number, controllers, path = line.split(":", 2)
        found[controllers] = path
    return found


def group_directory(hierarchy: Hierarchy, path: str, id: str) -> str:
    """
    Return the directory of a jail's group in a hierarchy.

    :param path: ``linux.cgroupsPath``: absolute it is below the mount point, relative it is below the group
        that is ours to make groups in, empty it is the id there.
    :raise SpecError: it is no group of its own.
    """
    where = path or id
    inside = os.path.normpath("/" + where).lstrip("/")
    if not inside or "\n" in inside:
        raise SpecError("linux.cgroupsPath", "expected the path of a group of its own, as /jails/web")
    return f"{hierarchy.mount if where.startswith('/') else hierarchy.base}/{inside}"


def _hidden(mounts: list[list[str]]) -> set[str]:
    """Return the ids of mounts that another one lies upon: it is mounted on them, at the same mount point."""
    points = {fields[0]: fields[4] for fields in mounts}
    return {fields[1] for fields in mounts if points.get(fields[1]) == fields[4]}


def _is_of(name: str, version: int, options: str) -> bool:
    """Whether the mount with these options is of the hierarchy that /proc/self/cgroup names so."""
    if version == 2 or not name:
        return version == 2 and not name
    return set(name.split(",")) <= set(options.split(","))


def _relative(group: str, root: str) -> str:
    """Return the path of a group below the mount point; of a group outside of it, as in a container, none."""
    if root != "/":
        if group != root and not group.startswith(root + "/"):
            return ""
        group = group[len(root) :]
    # of a group outside of our namespace the kernel says /..
    return "" if group.startswith("/..") else group.rstrip("/")


def _unescaped(text: str) -> str:
    for character in " \t\n\\":
        text = text.replace(f"\\{ord(character):03o}", character)
    return text
