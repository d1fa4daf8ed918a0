"""A program that makes one system call and ends with its error number: what a busybox cannot try."""

import os
import struct
from pathlib import Path

#: by architecture: the number of the machine in ELF, and of the system calls
_MACHINES = {
    "x86_64": (62, {"vmsplice": 278, "io_uring_setup": 425}),
    "aarch64": (183, {"vmsplice": 75, "io_uring_setup": 425}),
}


def write_program(path: Path, name: str) -> None:
    """
    Write a static executable that calls ``NAME(0, 0, 0)``.

    :raise KeyError: this architecture or the system call is not known here.
    """
    machine, numbers = _MACHINES[os.uname().machine]
    code = (_x86_64 if machine == 62 else _aarch64)(numbers[name])
    base, headers = 0x400000, 64 + 56
    header = b"\x7fELF\2\1\1" + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, headers + len(code), headers + len(code), 0x1000)
    path.write_bytes(header + segment + code)
    path.chmod(0o755)


def _x86_64(number: int) -> bytes:
    call = b"\xb8" + struct.pack("<I", number) + b"\x31\xff\x31\xf6\x31\xd2\x0f\x05"
    return call + b"\xf7\xd8\x89\xc7\xb8\x3c\0\0\0\x0f\x05"


def _aarch64(number: int) -> bytes:
    words = [0x52800008 | number << 5, 0xD2800000, 0xD2800001, 0xD2800002, 0xD4000001]
    return struct.pack("<8I", *words, 0x4B0003E0, 0x52800008 | 93 << 5, 0xD4000001)
