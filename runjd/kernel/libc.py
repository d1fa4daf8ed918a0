"""
The C library.

Functions of a platform are looked up when they are first used, so that this
module can be imported anywhere.
"""

from __future__ import annotations

from runjd.kernel.native import (
    HeldLibrary,
    Library,
    addressof,
    byref,
    c_char_p,
    c_int,
    c_int64,
    c_long,
    c_size_t,
    c_uint,
    c_ulong,
    c_void_p,
    create_string_buffer,
    get_errno,
)

libc = Library(None, use_errno=True)

#: the same library, called without letting go of the interpreter's lock: what a fork needs
held_libc = HeldLibrary(None, use_errno=True)


def check(result: int, what: str = "") -> int:
    """
    Return the result of a call, unless it is -1.

    :param what: the path or thing the call was about.
    :raise OSError: with the errno of the call.
    """
    if result == -1:
        import os

        code = get_errno()
        raise OSError(code, os.strerror(code), what or None)
    return result


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel by number; -1 means that errno is set. Integers travel as long."""
    return int(libc.syscall(c_long(number), *arguments))


__all__ = [
    "addressof",
    "byref",
    "c_char_p",
    "c_int",
    "c_int64",
    "c_long",
    "c_size_t",
    "c_uint",
    "c_ulong",
    "c_void_p",
    "check",
    "create_string_buffer",
    "get_errno",
    "held_libc",
    "libc",
    "syscall",
]
