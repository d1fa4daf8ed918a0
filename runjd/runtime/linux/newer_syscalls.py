"""
Let system calls be absent that are newer than a profile. Pure.

A C library tries a new system call and falls back to an old one where the kernel
answers ENOSYS.  A profile whose default is EPERM, or worse, breaks that for all
that came after it.  So, as runc does, a few instructions ahead of the filter answer
ENOSYS for every number beyond the highest that the profile names.
"""

from __future__ import annotations

import errno

from runjd.kernel.seccomp import INSTRUCTION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# linux/bpf_common.h: BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K and so on
_LOAD = 0x20
_JUMP_IF_EQUAL = 0x15
_JUMP_IF_GREATER = 0x25
_JUMP_IF_SET = 0x45
_RETURN = 0x06

# struct seccomp_data of linux/seccomp.h
_NUMBER = 0
_ARCHITECTURE = 4

_ABSENT = 0x00050000 | errno.ENOSYS

X86_64 = 0xC000003E
#: the library's number; the kernel's is that of x86_64, and this bit of the system call's number tells them apart
X32 = 0x4000003E
X32_BIT = 0x40000000


def absent(last: Mapping[int, int]) -> bytes:
    """
    Return instructions that answer ENOSYS or go on behind themselves.

    :param last: architecture, as libseccomp numbers it, to the last system call that is not absent.
    """
    return b"".join(_section(architecture, number) for architecture, number in last.items())


def _section(architecture: int, number: int) -> bytes:
    is_x86_64 = architecture in (X86_64, X32)
    made = [(_JUMP_IF_GREATER, 0, 1, number), (_RETURN, 0, 0, _ABSENT)]
    if is_x86_64:
        skip = (2, 0) if architecture == X86_64 else (0, 2)
        made.insert(0, (_JUMP_IF_SET, *skip, X32_BIT))
    made.insert(0, (_LOAD, 0, 0, _NUMBER))
    made.insert(0, (_JUMP_IF_EQUAL, 0, len(made), X86_64 if is_x86_64 else architecture))
    made.insert(0, (_LOAD, 0, 0, _ARCHITECTURE))
    return b"".join(INSTRUCTION.pack(*each) for each in made)
