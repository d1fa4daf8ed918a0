"""
The C library through ctypes: the one module that imports it, as that costs 2 to 3 ms.

Functions of a platform are looked up when they are first used, so that this
module can be imported anywhere.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    byref,
    c_char_p,
    c_int,
    c_long,
    c_size_t,
    c_uint,
    c_ulong,
    c_void_p,
    cast,
    create_string_buffer,
    get_errno,
)

libc = ctypes.CDLL(None, use_errno=True)

#: the same library, called without letting go of the interpreter's lock: what a fork needs
held_libc = ctypes.PyDLL(None, use_errno=True)


def check(result: int, what: str = "") -> int:
    """
    Return the result of a call, unless it is -1.

    :param what: the path or thing the call was about.
    :raise OSError: with the errno of the call.
    """
    if result == -1:
        code = get_errno()
        raise OSError(code, os.strerror(code), what or None)
    return result


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel by number; -1 means that errno is set. Integers travel as long."""
    return int(libc.syscall(c_long(number), *arguments))


def address_of(buffer: object) -> int:
    """Return where a ctypes buffer is; it must be kept as long as the kernel may look."""
    return ctypes.addressof(buffer)  # type: ignore[arg-type]


__all__ = [
    "address_of",
    "byref",
    "c_char_p",
    "c_int",
    "c_long",
    "c_size_t",
    "c_uint",
    "c_ulong",
    "c_void_p",
    "cast",
    "check",
    "create_string_buffer",
    "get_errno",
    "held_libc",
    "libc",
    "syscall",
]
