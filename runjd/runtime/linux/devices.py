"""
Device nodes and links in ``/dev`` of a jail, and its console.

The default nodes are those of config-linux.md, "Default Devices"; the links those
that Linux programs expect (filesystem hierarchy of the kernel's devices.txt).
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.kernel import mount as m
from runjd.runtime.linux.steps import MakeDevice, MakeLink

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.linux.beneath import Beneath

_DEFAULT_NODES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))
_DEFAULT_LINKS = (
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
)
_KINDS = {"b": stat.S_IFBLK, "c": stat.S_IFCHR, "p": stat.S_IFIFO}
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def default_steps(taken: frozenset[str]) -> tuple[MakeDevice | MakeLink, ...]:
    """Return the steps for what every jail finds in /dev, but for the paths that the bundle takes itself."""
    every: list[MakeDevice | MakeLink] = []
    every += [MakeDevice(f"/dev/{name}", "c", major, minor, 0o666, 0, 0) for name, major, minor in _DEFAULT_NODES]
    every += [MakeLink(f"/dev/{name}", target) for name, target in _DEFAULT_LINKS]
    return tuple(each for each in every if each.destination not in taken)


class Devices:
    """
    Makes nodes and links in the directories of a jail.

    Most share one directory, so the last one stays open.
    """

    def __init__(self, kernel: LinuxKernel, beneath: Beneath) -> None:
        self._kernel = kernel
        self._beneath = beneath
        self._name = ""
        self._directory = -1
        self._outlasts = False

    def make_node(self, step: MakeDevice) -> None:
        """Make a node; one of the same kind that is there already will do."""
        name = self._enter(step.destination)
        kind = _KINDS[step.kind]
        number = os.makedev(step.major, step.minor)
        self._announce(name)
        try:
            self._kernel.mknod(name, kind | step.mode, number, dir_fd=self._directory)
        except FileExistsError:
            self._disown(name)
            self._accept(step, name, kind, number)
            return
        except PermissionError:
            self._bind(step, name, kind, number)
            return
        if step.uid or step.gid:
            self._kernel.chown(name, step.uid, step.gid, dir_fd=self._directory, follow_symlinks=False)
        if self._outlasts:
            self._beneath.tell("unlink", self._directory, name)

    def make_link(self, step: MakeLink) -> None:
        """Make a symbolic link; whatever has its name already stays."""
        name = self._enter(step.destination)
        self._announce(name)
        try:
            self._kernel.symlink(step.target, name, dir_fd=self._directory)
        except FileExistsError:
            self._disown(name)
            return
        if self._outlasts:
            self._beneath.tell("unlink", self._directory, name)

    def close(self) -> None:
        """Let go of the last directory."""
        if self._directory >= 0:
            self._kernel.close(self._directory)
            self._directory = -1
            self._name = ""

    def _enter(self, destination: str) -> str:
        directory, _, name = destination.rpartition("/")
        if directory != self._name or self._directory < 0:
            self.close()
            self._directory = self._beneath.directory(directory or "/")
            self._name = directory
            self._outlasts = self._beneath.outlasts(self._directory)
        return name

    def _announce(self, name: str) -> None:
        if self._outlasts:
            self._beneath.announce("unlink", self._directory, name)

    def _disown(self, name: str) -> None:
        if self._outlasts:
            self._beneath.disown(self._directory, name)

    def _accept(self, step: MakeDevice, name: str, kind: int, number: int) -> None:
        # What nobody asked for by name may be the image's own; what the bundle asks for must be it.
        found = self._kernel.stat(name, dir_fd=self._directory, follow_symlinks=False)
        is_it = stat.S_IFMT(found.st_mode) == kind and (kind == stat.S_IFIFO or found.st_rdev == number)
        if step.path and not is_it:
            raise FileExistsError(errno.EEXIST, "the root has another file there", step.destination)

    def _bind(self, step: MakeDevice, name: str, kind: int, number: int) -> None:
        """Where mknod(2) is not allowed (a user namespace above us): bind the host's node."""
        host = self._kernel.copy_tree(step.destination, False)
        try:
            found = self._kernel.fstat(host)
            if stat.S_IFMT(found.st_mode) != kind or found.st_rdev != number:
                raise PermissionError(errno.EPERM, "the host has no such device to bind", step.destination)
            self._kernel.close(self._kernel.open(name, _NEW_FILE, 0o644, dir_fd=self._directory))
            if self._outlasts:
                self._beneath.tell("unlink", self._directory, name)
            target = self._kernel.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory)
            try:
                self._kernel.attach(host, target)
            finally:
                self._kernel.close(target)
        finally:
            self._kernel.close(host)


def bind_console(kernel: LinuxKernel, terminal: int) -> None:
    """
    Let /dev/console be a terminal, inside the jail.

    :param terminal: descriptor of the slave of a pty.
    """
    if not _has_console(kernel):
        return
    tree = kernel.copy_tree_at(terminal, False)
    try:
        target = kernel.open("/dev/console", os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            kernel.set_attributes(tree, 0, 0, m.MS_PRIVATE)
            kernel.attach(tree, target)
        finally:
            kernel.close(target)
    finally:
        kernel.close(tree)


def _has_console(kernel: LinuxKernel) -> bool:
    """Make the file to mount on, unless that would leave it in the image: then the jail has no console."""
    try:
        if kernel.stat("/dev").st_dev != kernel.stat("/").st_dev:
            kernel.close(kernel.open("/dev/console", _NEW_FILE, 0o600))
            return True
        return stat.S_ISREG(kernel.stat("/dev/console", follow_symlinks=False).st_mode)
    except FileExistsError:
        return True
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.EROFS, errno.ELOOP):
            return False
        raise
