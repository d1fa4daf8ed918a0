"""
Carry out the steps that mount something, in the child, before the root changes.

New file systems are mounted by mount(2) on the descriptor's name in the host's
/proc; binds are copied, changed and attached by descriptor.  Neither finds a name
of the jail twice.
"""

from __future__ import annotations

import os
import stat

from runjd.kernel import mount as m
from runjd.kernel.statfs import PROC_SUPER_MAGIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.linux.beneath import Beneath
    from runjd.runtime.linux.steps import BindMount, MakeReadOnly, Mask, MountFileSystem, Remount

#: file systems whose place others rely on: maskedPaths, LSM labels, sysctl
_STRAIGHT = ("proc", "sysfs")
_KINDS = m.MS_PRIVATE | m.MS_SHARED | m.MS_SLAVE | m.MS_UNBINDABLE


def mount_file_system(kernel: LinuxKernel, beneath: Beneath, step: MountFileSystem) -> None:
    """Mount a new file system; a tmpfs that is told no mode has that of the directory it hides, if there is one."""
    hidden = beneath.find(step.destination) if step.type == "tmpfs" else -1
    try:
        data = step.data
        if hidden >= 0 and "mode" not in _names(data):
            data = f"{data},mode={stat.S_IMODE(kernel.fstat(hidden).st_mode):o}".lstrip(",")
        target = beneath.mount_point(step.destination, True, step.type in _STRAIGHT, step.type == "proc")
        try:
            kernel.mount(step.source, f"/proc/self/fd/{target}", step.type, step.flags, data or None)
            copies_up = step.copies_up and hidden >= 0
            if copies_up or step.propagation or step.set_recursively or step.clear_recursively:
                _finish(kernel, beneath, step, target, copies_up)
        finally:
            kernel.close(target)
    finally:
        if hidden >= 0:
            kernel.close(hidden)


def bind(kernel: LinuxKernel, beneath: Beneath, step: BindMount, tree: int = -1) -> None:
    """
    Show a file or directory of the host in the jail.

    :param tree: a copy of the source that was taken before; closed.
    """
    if tree < 0:
        try:
            tree = kernel.copy_tree(step.source, step.recursive)
        except FileNotFoundError as error:
            reason = f"no such file or directory; there is no {step.source} on the host"
            raise FileNotFoundError(error.errno, reason) from error
    try:
        is_directory = stat.S_ISDIR(kernel.fstat(tree).st_mode)
        set_attributes(kernel, tree, step.set, step.clear, step.propagation)
        if step.set_recursively or step.clear_recursively:
            kernel.set_attributes(tree, step.set_recursively, step.clear_recursively, 0, True)
        is_proc = kernel.file_system(tree) == PROC_SUPER_MAGIC
        target = beneath.mount_point(step.destination, is_directory, is_proc=is_proc)
        try:
            kernel.attach(tree, target)
        finally:
            kernel.close(target)
    finally:
        kernel.close(tree)


def remount(kernel: LinuxKernel, beneath: Beneath, step: Remount) -> None:
    """Change what is mounted on the destination: the mount for a bind, else the file system."""
    found = beneath.find(step.destination)
    if found < 0:
        raise FileNotFoundError(2, os.strerror(2), step.destination)
    try:
        if step.type == "bind":
            kernel.set_attributes(found, step.set, step.clear)
        else:
            kernel.mount(None, f"/proc/self/fd/{found}", step.type or None, step.flags, step.data or None)
    finally:
        kernel.close(found)


def mask(kernel: LinuxKernel, beneath: Beneath, step: Mask) -> None:
    """Hide a file or directory. The host's /dev/null is used: the jail's may be anything."""
    found = beneath.find(step.destination)
    if found < 0:
        return
    try:
        name = f"/proc/self/fd/{found}"
        if stat.S_ISDIR(kernel.fstat(found).st_mode):
            flags = m.MS_RDONLY | m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC
            kernel.mount("tmpfs", name, "tmpfs", flags, "nr_blocks=1,nr_inodes=1,mode=755")
        else:
            kernel.mount("/dev/null", name, None, m.MS_BIND)
    finally:
        kernel.close(found)


def make_read_only(kernel: LinuxKernel, beneath: Beneath, step: MakeReadOnly) -> None:
    """Bind a path on itself, read-only with all below it; its other flags stay."""
    found = beneath.find(step.destination)
    if found < 0:
        return
    try:
        tree = kernel.copy_tree_at(found, True)
        try:
            kernel.set_attributes(tree, m.MOUNT_ATTR_RDONLY, 0, 0, True)
            kernel.attach(tree, found)
        finally:
            kernel.close(tree)
    finally:
        kernel.close(found)


def set_attributes(kernel: LinuxKernel, mount: int, set: int, clear: int, propagation: tuple[int, ...]) -> None:
    """Set attributes of one mount and its propagation, in as few calls as they allow."""
    if set or clear:
        kernel.set_attributes(mount, set, clear)
    for each in propagation:
        kernel.set_attributes(mount, 0, 0, each & _KINDS, bool(each & m.MS_REC))


def _finish(kernel: LinuxKernel, beneath: Beneath, step: MountFileSystem, below: int, copies_up: bool) -> None:
    """Do what needs the new mount itself, which the name must lead to now."""
    mounted = beneath.find(step.destination)
    try:
        if mounted < 0 or kernel.fstat(mounted).st_dev == kernel.fstat(below).st_dev:
            raise OSError(116, "the mount point was exchanged while it was used", step.destination)
        if copies_up:
            from runjd.runtime.copyup import CopyUp

            CopyUp(kernel).copy(below, mounted, _names(step.data))
        set_attributes(kernel, mounted, 0, 0, step.propagation)
        if step.set_recursively or step.clear_recursively:
            kernel.set_attributes(mounted, step.set_recursively, step.clear_recursively, 0, True)
    finally:
        if mounted >= 0:
            kernel.close(mounted)


def _names(data: str) -> set[str]:
    """Return the names of the options that a file system is told."""
    return {each.partition("=")[0] for each in data.split(",")}
