"""How a kernel in memory finds a file by its path: through links and mounts, not out of a jail."""

from __future__ import annotations

import stat

from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import Mounted, Node, State

_LONGEST_PATH = 1024
_LONGEST_NAME = 255
_MOST_LINKS = 32


class Paths:
    """Finds files for the process that we are."""

    def __init__(self, state: State) -> None:
        self._state = state

    def find(self, path: str, start: Place | None = None, follow: bool = True, beneath: bool = False) -> Place:
        """
        Return where a path leads.

        :param start: where a relative one begins; our working directory.
        :param follow: a link at the end, too.
        :param beneath: refuse to leave ``start``, as O_RESOLVE_BENEATH does.
        """
        place, missing = self.find_parent(path, start, follow, beneath)
        if missing:
            raise refusal("ENOENT", what=path)
        return place

    def find_parent(
        self, path: str, start: Place | None = None, follow: bool = True, beneath: bool = False
    ) -> tuple[Place, str]:
        """Return where a path leads and an empty name, or its directory and the name that is missing there."""
        if not path:
            raise refusal("ENOENT", what=path)
        if len(_bytes(path)) >= _LONGEST_PATH:
            raise refusal("ENAMETOOLONG", what=path)
        start = start or self._state.me.directory
        place, missing = _Walk(self, path, start if beneath else None, self._state.me.root).go(start, follow)
        if path.endswith("/") and not missing and not place.node.is_directory():
            raise refusal("ENOTDIR", what=path)
        return place, missing

    def child(self, place: Place, name: str) -> Place | None:
        """Return what a directory holds under a name; a mount covers it."""
        node = place.node.children.get(name)
        if node is None or not self.is_shown(node):
            return None
        path = (*place.path, name)
        above = self.mounted_on(path)
        return Place(path, above.root, above) if above else Place(path, node, place.mount)

    def above(self, place: Place) -> Place:
        """Return the directory that a file was found in."""
        return self.trail(place)[-2]

    def is_shown(self, node: Node) -> bool:
        """Whether we can see a device; a terminal only if it was made in our jail."""
        jid = self._state.me.jid
        return not node.hidden and (node.made_in is None or jid in (0, node.made_in))

    def mounted_on(self, path: tuple[str, ...]) -> Mounted | None:
        """Return the topmost mount that covers a path of the host."""
        for each in reversed(self._state.mounts):
            if each.covered is not None and each.covered.path == path and not each.covered.mount.is_gone:
                return each
        return None

    def trail(self, place: Place) -> list[Place]:
        """Return all places from the root of the host to one."""
        trail = [self._state.root]
        for name in place.path[:-1]:
            child = self.child(trail[-1], name)
            # The directory above may be gone or covered: then there is no way up but the root.
            if child is None:
                break
            trail.append(child)
        return [*trail, place] if place.path else [place]


class _Walk:
    """
    One way through the tree.

    :param within: the directory that must not be left.
    """

    def __init__(self, paths: Paths, path: str, within: Place | None, root: Place) -> None:
        self._paths = paths
        self._path = path
        self._within = within
        self._root = root
        self._floor = len((within or root).path)
        self._links = 0

    def go(self, start: Place, follow: bool) -> tuple[Place, str]:
        """Return where it ends, and what is missing there."""
        self._trail = self._paths.trail(self._enter(start))
        self._parts = [part for part in self._path.split("/") if part]
        while self._parts:
            part = self._parts.pop(0)
            here = self._trail[-1]
            if not here.node.is_directory():
                raise refusal("ENOTDIR", what=self._path)
            if len(_bytes(part)) > _LONGEST_NAME:
                raise refusal("ENAMETOOLONG", what=self._path)
            if part == "..":
                self._go_up()
            elif part != ".":
                child = self._paths.child(here, part)
                if child is None and self._parts:
                    raise refusal("ENOENT", what=self._path)
                if child is None:
                    return here, part
                if child.node.kind == stat.S_IFLNK and (self._parts or follow or self._path.endswith("/")):
                    self._follow(child.node.target)
                else:
                    self._trail.append(child)
        return self._trail[-1], ""

    def _enter(self, start: Place) -> Place:
        if not self._path.startswith("/"):
            return start
        self._stay()
        return self._root

    def _go_up(self) -> None:
        if len(self._trail[-1].path) > self._floor:
            self._trail.pop()
        else:
            self._stay()

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise refusal("ELOOP", what=self._path)
        if target.startswith("/"):
            self._stay()
            self._trail = self._paths.trail(self._root)
        self._parts = [each for each in target.split("/") if each] + self._parts

    def _stay(self) -> None:
        if self._within is not None:
            raise refusal("ENOTCAPABLE", "Capabilities insufficient", self._path)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
