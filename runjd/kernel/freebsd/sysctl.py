"""What the kernel tells by name or number: sysctl(3)."""

from __future__ import annotations

import errno
import os

from runjd.kernel.libc import byref, c_int, c_size_t, create_string_buffer, get_errno, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def sysctl_text(name: str) -> str:
    """
    Return a value that is a text.

    :raise FileNotFoundError: the kernel has no such name.
    """
    return sysctl_bytes(name).partition(b"\0")[0].decode("utf-8", "replace")


def sysctl_number(name: str) -> int:
    """
    Return a value that is an integer of any width.

    :raise FileNotFoundError: the kernel has no such name.
    """
    return int.from_bytes(sysctl_bytes(name), "little", signed=True)


def sysctl_bytes(name: str) -> bytes:
    """Return a value as the kernel has it."""
    raw = name.encode("ascii", "replace") + b"\0"
    return _read(name, lambda out, size: int(libc.sysctlbyname(raw, out, size, None, c_size_t(0))))


def sysctl(numbers: tuple[int, ...]) -> bytes:
    """Return a value by its numbers, as the kernel has it."""
    mib = (c_int * len(numbers))(*numbers)
    what = f"sysctl {'.'.join(map(str, numbers))}"
    return _read(what, lambda out, size: int(libc.sysctl(mib, len(numbers), out, size, None, c_size_t(0))))


def _read(what: str, call: Callable[[object, object], int]) -> bytes:
    size = c_size_t(0)
    while True:
        if call(None, byref(size)) != 0:
            raise _failed(what)
        # It may grow between the two calls.
        size.value += size.value // 8 + 1024
        out = create_string_buffer(size.value)
        if call(out, byref(size)) == 0:
            return out.raw[: size.value]
        error = _failed(what)
        if error.errno != errno.ENOMEM:
            raise error


def _failed(what: str) -> OSError:
    code = get_errno()
    return OSError(code, os.strerror(code), what)
