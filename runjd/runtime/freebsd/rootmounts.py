"""File systems of a container's root that the caller has prepared: a nullfs of a snapshot, a data set of ZFS."""

from __future__ import annotations

import errno
import os

from runjd.errors import Unsupported
from runjd.kernel.freebsd.mount import MNT_FORCE
from runjd.runtime.failing import failure
from runjd.runtime.freebsd.mounting import Mounter
from runjd.runtime.freebsd.options import read_options
from runjd.spec.model import Mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Undo
    from runjd.runtime.rootmount import RootMount

#: words of others for file systems of FreeBSD
_KINDS = {"bind": "nullfs", "nullfs": "nullfs", "zfs": "zfs", "unionfs": "unionfs"}


def mount_root(kernel: FreeBSDKernel, target: str, mounts: Sequence[RootMount]) -> None:
    """
    Mount all of them, in order; what was mounted is unmounted where one fails.

    :param target: the root; no jail has it yet, so nobody exchanges its name.
    :raise RuntimeFailure: naming the mount that failed.
    :raise Unsupported: there is no such file system here.
    """
    for each in mounts:
        try:
            _mount(kernel, target, each)
        except BaseException:
            unmount_root(kernel, target)
            raise


def unmount_root(kernel: FreeBSDKernel, target: str) -> None:
    """
    Unmount everything that is mounted on the root; that nothing is, is no error.

    :raise RuntimeFailure: it cannot be.
    """
    flags = 0
    real = os.path.realpath(target)
    while any(each.target == real for each in kernel.getfsstat()):
        try:
            kernel.unmount(real, flags)
        except OSError as error:
            if error.errno != errno.EBUSY or flags:
                raise failure(f"unmount {target}", error) from error
            flags = MNT_FORCE  # the jail is gone; whoever looks into it looks at nothing


def _mount(kernel: FreeBSDKernel, target: str, mount: RootMount) -> None:
    kind = _KINDS.get(mount.type)
    if kind is None:
        raise Unsupported("", f'FreeBSD mounts no root of the type "{mount.type}"; there is {", ".join(_KINDS)}')
    asked = Mount(destination="/", type=kind, source=mount.source, options=mount.options)
    options = read_options(asked, kind, "rootfs")
    if options.copies_up or options.ruleset >= 0 or options.rules:
        raise Unsupported("rootfs", f"a root of the type {kind} has no such options: {' '.join(mount.options)}")
    mounter = Mounter(kernel, _nothing)
    real = os.path.realpath(target)
    try:
        if kind == "nullfs":
            mounter.mount_directory(mount.source, real, options.pairs)
        else:
            mounter.mount(kind, mount.source, real, options.pairs)
    except OSError as error:
        raise failure(f"mount the root {mount.source} ({kind})", error) from error


def _nothing(undo: Undo) -> None:
    """No books are kept: all that is on the root is unmounted in the end."""
