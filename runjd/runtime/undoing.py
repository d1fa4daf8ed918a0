"""
Take away what a jail left in its root, when it is gone.

The root was the jail's to change: names are resolved beneath it one after the
other, downwards only and without following any link, and only what still has the
inode that was made, and is empty, is removed.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runjd.runtime.contract import Undo

_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
#: stands for an inode: what was announced, but not told of
UNKNOWN = "0"
#: the action of what was announced and is another's
KEEP = "keep"
#: all actions that are about names beneath the root
FILES = ("rmdir", "unlink", KEEP)
_BELOW = _DIRECTORY | os.O_NOFOLLOW


def undo_files(kernel: Any, root: str, undo: Iterable[Undo]) -> None:
    """
    Remove the directories and files that were made beneath a root, the last first.

    What is no longer there, is another's or is not empty stays, without a word.

    :param kernel: a :class:`runjd.kernel.files.Files`.
    """
    wanted = made_files(undo)
    if not wanted or not root:
        return
    try:
        top = kernel.open(root, _DIRECTORY)
    except OSError:
        return
    try:
        for each in reversed(wanted):
            _undo(kernel, top, each)
    finally:
        kernel.close(top)


def made_files(undo: Iterable[Undo]) -> tuple[Undo, ...]:
    """
    Return what was made beneath a root, of all that is to be undone: the last word on each name.

    What was announced, and neither told of nor disowned, may have been made.
    """
    last: dict[str, Undo] = {}
    for each in undo:
        if each.action in FILES:
            last[each.target.partition(" ")[2]] = each
    return tuple([each for each in last.values() if each.action != KEEP])


def _undo(kernel: Any, top: int, undo: Undo) -> None:
    inode, _, path = undo.target.partition(" ")
    *directories, name = path.lstrip("/").split("/")
    if not name or name == "." or ".." in (*directories, name):
        return
    try:
        above = _descend(kernel, top, directories)
    except OSError:
        return
    try:
        found = kernel.stat(name, dir_fd=above, follow_symlinks=False)
        if inode not in (str(found.st_ino), UNKNOWN):
            return
        if undo.action == "rmdir" and stat.S_ISDIR(found.st_mode):
            kernel.rmdir(name, dir_fd=above)
        elif undo.action == "unlink" and not stat.S_ISDIR(found.st_mode) and found.st_size == _size(found):
            kernel.unlink(name, dir_fd=above)
    except OSError:
        pass
    finally:
        kernel.close(above)


def _descend(kernel: Any, top: int, names: Iterable[str]) -> int:
    """Return a descriptor of a directory beneath another one; there is no ``..`` among the names."""
    here: int = kernel.open(".", _DIRECTORY, dir_fd=top)
    for name in names:
        try:
            below = kernel.open(name or ".", _BELOW, dir_fd=here)
        finally:
            kernel.close(here)
        here = below
    return here


def _size(found: os.stat_result) -> int:
    """Return the size that an empty one has: a link's is that of its target."""
    return found.st_size if stat.S_ISLNK(found.st_mode) else 0
