"""
The ``cgroup`` mount of a bundle, on hosts with version 1, 2 or both.

Version 2 is one mount.  Version 1 is a tmpfs with one mount for each hierarchy.
With a cgroup namespace the kernel itself shows no more than the jail's own groups;
without one, the directory of its own groups is bound.
"""

from __future__ import annotations

import errno
import os

from runjd.kernel import mount as m
from runjd.runtime.linux.cgroup.hierarchies import parse_groups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.linux.beneath import Beneath
    from runjd.runtime.linux.steps import MountCgroups

_HOST = "/sys/fs/cgroup"
_OPEN = os.O_RDONLY | os.O_CLOEXEC
_OF_EVERY_MOUNT = m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC


def mount_cgroups(kernel: LinuxKernel, beneath: Beneath, step: MountCgroups, has_namespace: bool) -> None:
    """
    Mount the jail's view of its control groups.

    :param has_namespace: we are in a cgroup namespace that is not the host's.
    :raise OSError: the host has none mounted at /sys/fs/cgroup.
    """
    own = _own_groups(kernel)
    target = beneath.mount_point(step.destination, True)
    try:
        if "" in own and _exists(kernel, f"{_HOST}/cgroup.controllers"):
            _mount_one(kernel, target, step, "", own[""], has_namespace, _HOST)
            return
        hierarchies = [(name, path) for name, path in own.items() if _exists(kernel, _directory(name))]
        if not hierarchies:
            raise OSError(errno.ENODEV, f"the host has no control groups mounted at {_HOST}")
        name = f"/proc/self/fd/{target}"
        flags = step.flags & ~m.MS_RDONLY
        kernel.mount("tmpfs", name, "tmpfs", flags, "mode=755,size=64k")
    finally:
        kernel.close(target)
    top = beneath.find(step.destination)
    try:
        for controllers, path in hierarchies:
            _fill(kernel, top, step, controllers, path, has_namespace)
        if step.flags & m.MS_RDONLY:
            kernel.set_attributes(top, m.MOUNT_ATTR_RDONLY, 0)
    finally:
        kernel.close(top)


def _fill(kernel: LinuxKernel, top: int, step: MountCgroups, controllers: str, path: str, has_namespace: bool) -> None:
    """Make a directory in the tmpfs and mount one hierarchy on it; a link for each of its controllers."""
    source = _directory(controllers)
    name = source.rpartition("/")[2]
    kernel.mkdir(name, 0o755, dir_fd=top)
    target = kernel.open_beneath(top, name)
    try:
        _mount_one(kernel, target, step, controllers, path, has_namespace, source)
    finally:
        kernel.close(target)
    for each in controllers.split(","):
        if "," in controllers:
            kernel.symlink(name, each, dir_fd=top)


def _mount_one(
    kernel: LinuxKernel, target: int, step: MountCgroups, controllers: str, path: str, has_namespace: bool, source: str
) -> None:
    if has_namespace:
        kind = "cgroup" if controllers else "cgroup2"
        kernel.mount(kind, f"/proc/self/fd/{target}", kind, step.flags | _OF_EVERY_MOUNT, controllers or None)
        return
    tree = kernel.copy_tree(source + path.rstrip("/"), False)
    try:
        kernel.set_attributes(tree, step.set, 0, m.MS_PRIVATE)
        kernel.attach(tree, target)
    finally:
        kernel.close(tree)


def _directory(controllers: str) -> str:
    """Return where a hierarchy is mounted on the host."""
    return f"{_HOST}/{controllers.removeprefix('name=') or 'unified'}"


def _own_groups(kernel: LinuxKernel) -> dict[str, str]:
    descriptor = kernel.open("/proc/self/cgroup", _OPEN)
    try:
        return parse_groups(kernel.read(descriptor, 65536).decode("utf-8", "surrogateescape"))
    finally:
        kernel.close(descriptor)


def _exists(kernel: LinuxKernel, path: str) -> bool:
    try:
        kernel.stat(path)
    except OSError:
        return False
    return True
