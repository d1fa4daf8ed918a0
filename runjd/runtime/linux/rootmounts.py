"""
File systems of a container's root that the caller has prepared: an overlay of an image's layers, a bind of a snapshot.

They are mounted on the host, where whoever asked for them finds them, too.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import Unsupported
from runjd.kernel import mount as m
from runjd.runtime.failing import failure
from runjd.runtime.linux.mounts import FLAGS, PROPAGATIONS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.rootmount import RootMount

_UMOUNT_NOFOLLOW = 8
#: flags that a bind has only once it is mounted again
_OF_A_BIND = m.MS_RDONLY | m.MS_NOSUID | m.MS_NODEV | m.MS_NOEXEC | m.MS_NOATIME | m.MS_NODIRATIME | m.MS_RELATIME
_LOWER = "lowerdir="


def mount_root(kernel: LinuxKernel, target: str, mounts: Sequence[RootMount]) -> None:
    """
    Mount all of them, in order; what was mounted is unmounted where one fails.

    :param target: the root; no jail has it yet, so nobody exchanges its name.
    :raise RuntimeFailure: naming the mount that failed.
    :raise Unsupported: an option is for a program, not for the kernel.
    """
    for each in mounts:
        try:
            _mount(kernel, target, each)
        except BaseException:
            unmount_root(kernel, target)
            raise


def unmount_root(kernel: LinuxKernel, target: str) -> None:
    """
    Unmount everything that is mounted on the root; that nothing is, is no error.

    :raise RuntimeFailure: it cannot be.
    """
    flags = _UMOUNT_NOFOLLOW
    while True:
        try:
            kernel.unmount(target, flags)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                return
            if error.errno != errno.EBUSY or flags & m.MNT_DETACH:
                raise failure(f"unmount {target}", error) from error
            # somebody looks into it; it goes when he is done
            flags |= m.MNT_DETACH


def _mount(kernel: LinuxKernel, target: str, mount: RootMount) -> None:
    flags = 0
    propagation: list[int] = []
    data: list[str] = []
    for option in mount.options:
        if option in FLAGS:
            bits, clears = FLAGS[option]
            flags = flags & ~bits if clears else flags | bits
        elif option in PROPAGATIONS:
            propagation.append(PROPAGATIONS[option])
        elif option == "loop":
            raise Unsupported("", f"the root {mount.source} has the option loop; mount it, and give a bind of it")
        else:
            data.append(option)
    try:
        if flags & m.MS_BIND or mount.type == "bind":
            kernel.mount(mount.source, target, None, m.MS_BIND | flags & m.MS_REC)
            if flags & _OF_A_BIND:
                kernel.mount(None, target, None, m.MS_REMOUNT | m.MS_BIND | flags & _OF_A_BIND)
        else:
            _mount_new(kernel, target, mount, flags, data)
        for each in propagation:
            kernel.mount(None, target, None, each)
    except OSError as error:
        raise failure(f"mount the root {mount.source} ({mount.type})", error) from error


def _mount_new(kernel: LinuxKernel, target: str, mount: RootMount, flags: int, data: list[str]) -> None:
    """mount(2) takes a page of options: layers that do not fit into it are named from their common directory."""
    text = ",".join(data)
    if len(os.fsencode(text)) < os.sysconf("SC_PAGE_SIZE") or mount.type != "overlay":
        kernel.mount(mount.source, target, mount.type, flags, text or None)
        return
    layers = next((each for each in data if each.startswith(_LOWER)), _LOWER).removeprefix(_LOWER).split(":")
    common = os.path.commonpath(layers)
    short = _LOWER + ":".join(os.path.relpath(each, common) for each in layers)
    before = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.chdir(common)
        kernel.mount(
            mount.source,
            target,
            mount.type,
            flags,
            ",".join(short if each.startswith(_LOWER) else each for each in data),
        )
    finally:
        os.fchdir(before)
        os.close(before)
