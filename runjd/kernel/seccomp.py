"""Filters of system calls: seccomp(2) of Linux."""

from __future__ import annotations

import os
import struct

from runjd.kernel.libc import addressof, c_char_p, c_int, c_uint, c_ulong, check, create_string_buffer, libc, syscall

FLAG_LOG = 1 << 1
FLAG_SPEC_ALLOW = 1 << 2

#: a sock_filter of linux/filter.h: code, jt, jf, k
INSTRUCTION = struct.Struct("=HBBI")
#: BPF_MAXINSNS
MAX_INSTRUCTIONS = 4096

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_SET_MODE_FILTER = 1
_GENERIC = 277
#: machine -> seccomp
_NUMBERS = {
    "x86_64": 317,
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
    "loongarch64": _GENERIC,
    "ppc64": 358,
    "ppc64le": 358,
    "s390x": 348,
    "i686": 354,
    "armv7l": 383,
}


def load(program: bytes, flags: int) -> None:
    """
    Filter our system calls, and those of all that we execute or fork, for good.

    :param program: BPF, as many INSTRUCTIONs.
    :param flags: FLAG bits.
    :raise OSError: EACCES without no_new_privs and without CAP_SYS_ADMIN; ENOSYS
        where flags are asked for and we do not know the machine.
    """
    code = create_string_buffer(program)
    argument = c_char_p(struct.pack("@HP", len(program) // INSTRUCTION.size, addressof(code)))
    if not flags:
        check(libc.prctl(c_int(_PR_SET_SECCOMP), c_ulong(_MODE_FILTER), argument), "PR_SET_SECCOMP")
        return
    machine = os.uname().machine
    if machine not in _NUMBERS:
        raise OSError(38, f"the number of seccomp(2) on {machine} is not known")
    check(syscall(_NUMBERS[machine], c_uint(_SET_MODE_FILTER), c_uint(flags), argument), "seccomp")
