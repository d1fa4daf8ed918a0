"""
libseccomp: rules about system calls in, a BPF program out.

The library is looked for when the first filter is made: a host that filters
nothing does without.  Its functions return a negative errno.  seccomp_rule_add(3),
seccomp_export_bpf(3).
"""

from __future__ import annotations

import os
import struct

from runjd.kernel.native import Library as Functions
from runjd.kernel.native import c_char_p, c_int, c_uint, c_void_p

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

NAME = "libseccomp.so.2"

ACT_KILL_PROCESS = 0x80000000
ACT_KILL_THREAD = 0x00000000
ACT_TRAP = 0x00030000
ACT_ERRNO = 0x00050000
ACT_TRACE = 0x7FF00000
ACT_LOG = 0x7FFC0000
ACT_ALLOW = 0x7FFF0000

CMP_NE = 1
CMP_LT = 2
CMP_LE = 3
CMP_EQ = 4
CMP_GE = 5
CMP_GT = 6
CMP_MASKED_EQ = 7

_NO_SUCH_SYSCALL = -1
_SCMP_ARG_CMP = struct.Struct("@IIQQ")
_SIZE = 1 << 20
_Version = c_uint * 3


class Library:
    """
    The library of this host.

    :raise OSError: it is not there.
    """

    def __init__(self, name: str = NAME) -> None:
        self._functions = functions = Functions(name)
        functions.seccomp_init.restype = c_void_p
        functions.seccomp_version.restype = c_void_p
        functions.seccomp_arch_native.restype = c_uint
        functions.seccomp_arch_resolve_name.restype = c_uint
        self._resolve = functions.seccomp_syscall_resolve_name
        self._resolve_on = functions.seccomp_syscall_resolve_name_arch

    def version(self) -> tuple[int, int, int]:
        """Return major, minor and micro of the library's version."""
        major, minor, micro = _Version.from_address(self._functions.seccomp_version())
        return major, minor, micro

    def native(self) -> int:
        """Return the architecture that we run on, as the library's number."""
        return int(self._functions.seccomp_arch_native())

    def architecture(self, name: str) -> int | None:
        """Return the number of an architecture, as ``x86_64``; None where the library does not know it."""
        return int(self._functions.seccomp_arch_resolve_name(name.encode())) or None

    def resolve(self, name: str) -> int | None:
        """Return the number of a system call, negative where only other architectures have it; None: unknown."""
        number = int(self._resolve(name.encode()))
        return None if number == _NO_SUCH_SYSCALL else number

    def resolve_on(self, architecture: int, name: str) -> int | None:
        """Return the number of a system call on an architecture."""
        number = int(self._resolve_on(c_uint(architecture), name.encode()))
        return None if number == _NO_SUCH_SYSCALL else number

    def filter(self, default: int) -> SyscallFilter:
        """Return a new filter for the native architecture, that does ``default`` where no rule says otherwise."""
        return SyscallFilter(self._functions, default)


class SyscallFilter:
    """A filter in the making; to be closed."""

    def __init__(self, functions: Functions, default: int) -> None:
        self._functions = functions
        self._context = c_void_p(functions.seccomp_init(c_uint(default)))
        if not self._context.value:
            raise OSError(22, "the library refuses the default action")
        self._add = functions.seccomp_rule_add_array

    def close(self) -> None:
        """Free it."""
        self._functions.seccomp_release(self._context)
        self._context = c_void_p()

    def add_architecture(self, architecture: int) -> None:
        """Filter calls of another architecture, too; nothing to do for one that is there."""
        result = self._functions.seccomp_arch_add(self._context, c_uint(architecture))
        if result != -17:
            _check(result)

    def add_rule(self, action: int, number: int, conditions: Iterable[tuple[int, int, int, int]] = ()) -> None:
        """
        Do something where a system call is made and all conditions hold.

        :param conditions: number of an argument, CMP number, value, second value; each argument once.
        """
        packed = [_SCMP_ARG_CMP.pack(*each) for each in conditions]
        array = c_char_p(b"".join(packed)) if packed else None
        _check(self._add(self._context, c_uint(action), c_int(number), c_uint(len(packed)), array))

    def export(self) -> bytes:
        """Return the BPF program."""
        memory = os.memfd_create("filter", os.MFD_CLOEXEC)
        try:
            _check(self._functions.seccomp_export_bpf(self._context, c_int(memory)))
            return os.pread(memory, _SIZE, 0)
        finally:
            os.close(memory)


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result))
