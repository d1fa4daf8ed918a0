"""
A machine for classic BPF, as the kernel runs it on system calls: what a filter says without being loaded.

Documentation/networking/filter.rst of Linux; the instructions that seccomp(2) lets through, without division.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import lru_cache

from runjd.kernel.seccomp import INSTRUCTION

X86_64 = 0xC000003E
I386 = 0x40000003

_JUMPS: dict[int, Callable[[int, int], bool]] = {
    0x15: lambda a, k: a == k,
    0x25: lambda a, k: a > k,
    0x35: lambda a, k: a >= k,
    0x45: lambda a, k: bool(a & k),
}


def verdict(program: bytes, number: int, args: Sequence[int] = (), architecture: int = X86_64) -> int:
    """Return what the program says of a system call: the kernel's number of an action."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *args, *[0] * (6 - len(args)))
    code = _decoded(program)
    accumulator = at = 0
    memory = [0] * 16
    while True:
        operation, if_true, if_false, k = code[at]
        at += 1
        if operation == 0x20:
            accumulator = struct.unpack_from("=I", data, k)[0]
        elif operation == 0x05:
            at += k
        elif operation in _JUMPS:
            at += if_true if _JUMPS[operation](accumulator, k) else if_false
        elif operation == 0x54:
            accumulator &= k
        elif operation == 0x02:
            memory[k] = accumulator
        elif operation == 0x60:
            accumulator = memory[k]
        elif operation == 0x06:
            return int(k)
        else:
            raise AssertionError(f"instruction {operation:#x} is not expected here")


@lru_cache(maxsize=8)
def _decoded(program: bytes) -> list[tuple[int, ...]]:
    return list(INSTRUCTION.iter_unpack(program))
