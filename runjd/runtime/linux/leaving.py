"""
What of the host must not stay in the mount namespace of a jail whose root was not pivoted.

Its mounts are below the jail's root then, where no name leads.  But the kernel lets
a user namespace mount a new proc or sysfs if there is one in the mount namespace with
nothing over it, wherever it is (fs/namespace.c, mount_too_revealing): of the host's the
jail would have one without its masks.
"""

from __future__ import annotations

import os

from runjd.kernel import mount as m

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.kernel.linux import LinuxKernel

_REVEALING = ("proc", "sysfs")


def detach_revealing(kernel: LinuxKernel, root: int) -> None:
    """
    Detach every proc and sysfs that is not beneath the root of the jail, with all that is mounted on them.

    :param root: descriptor of that root.
    """
    ours = kernel.readlink(f"/proc/self/fd/{root}")
    descriptor = kernel.open("/proc/self/mountinfo", os.O_RDONLY | os.O_CLOEXEC)
    try:
        table = b""
        while part := kernel.read(descriptor, 1 << 16):
            table += part
    finally:
        kernel.close(descriptor)
    for point in reversed([each for each, kind in parse_mounts(table) if kind in _REVEALING]):
        if not _is_beneath(point, ours):
            kernel.unmount(point, m.MNT_DETACH)


def parse_mounts(table: bytes) -> Iterator[tuple[str, str]]:
    """Yield mount point and type of file system of each line (proc_pid_mountinfo(5)). Pure."""
    for line in table.splitlines():
        fields = line.split(b" ")
        point = fields[4]
        for code, byte in ((b"\\040", b" "), (b"\\011", b"\t"), (b"\\012", b"\n"), (b"\\134", b"\\")):
            point = point.replace(code, byte)
        yield os.fsdecode(point), os.fsdecode(fields[fields.index(b"-", 6) + 1])


def _is_beneath(path: str, directory: str) -> bool:
    return path == directory or path.startswith(directory.rstrip("/") + "/")
