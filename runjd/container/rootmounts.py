"""The mounts on a bundle's root that a caller asks for: made before its container, taken away behind it."""

from __future__ import annotations

import os
import stat
import sys

from runjd.errors import BadArgument, InputOutput
from runjd.runtime.rootmount import RootMount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = "rootfs"


def mount_root(bundle: str, mounts: Sequence[RootMount]) -> None:
    """
    Mount them on the directory ``rootfs`` of the bundle, which is made; none is left where one fails.

    :param bundle: absolute, and reached by nobody but its owner.
    :raise RunjdError: naming the mount that failed.
    """
    target = _target(bundle)
    try:
        os.mkdir(target, 0o711)
    except FileExistsError:
        pass
    except OSError as error:
        raise InputOutput(f"cannot make {target}: {error.strerror}") from error
    if not stat.S_ISDIR(os.lstat(target).st_mode):
        raise InputOutput(f"{target} is no directory, so nothing can be mounted on it")
    if mounts and sys.platform == "linux":
        from runjd.kernel.linux import LinuxKernel
        from runjd.runtime.linux import rootmounts as linux

        linux.mount_root(LinuxKernel(), target, mounts)
    elif mounts:
        from runjd.kernel.freebsd.kernel import FreeBSDKernel
        from runjd.runtime.freebsd import rootmounts as freebsd

        freebsd.mount_root(FreeBSDKernel(), target, mounts)


def unmount_root(bundle: str) -> None:
    """
    Unmount whatever is mounted on the directory ``rootfs`` of the bundle; nothing is no error.

    :raise RunjdError: it cannot be.
    """
    target = _target(bundle)
    if not os.path.lexists(target):
        return
    if sys.platform == "linux":
        from runjd.kernel.linux import LinuxKernel
        from runjd.runtime.linux import rootmounts as linux

        linux.unmount_root(LinuxKernel(), target)
    else:
        from runjd.kernel.freebsd.kernel import FreeBSDKernel
        from runjd.runtime.freebsd import rootmounts as freebsd

        freebsd.unmount_root(FreeBSDKernel(), target)


def _target(bundle: str) -> str:
    if not bundle.startswith("/"):
        raise BadArgument(f'the bundle must be an absolute path, not "{bundle}"')
    return f"{bundle}/{_ROOT}"
