"""What kind of file system a file is on: fstatfs(2) of Linux."""

from __future__ import annotations

import struct

from runjd.kernel.libc import c_int, check, create_string_buffer, libc

PROC_SUPER_MAGIC = 0x9FA0
SYSFS_MAGIC = 0x62656572
DEVPTS_SUPER_MAGIC = 0x1CD1


def file_system(descriptor: int) -> int:
    """Return the magic number of the file system that a descriptor is on; O_PATH is enough."""
    out = create_string_buffer(256)
    check(libc.fstatfs(c_int(descriptor), out), "fstatfs")
    # A long on every machine but s390x, where the low half still is the number.
    return int(struct.unpack_from("=I" if struct.calcsize("l") == 4 else "=q", out.raw)[0]) & 0xFFFFFFFF
