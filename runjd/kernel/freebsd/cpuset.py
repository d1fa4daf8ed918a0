"""Which processors a jail may run on: cpuset_setaffinity(2)."""

from __future__ import annotations

from runjd.kernel.libc import c_int, c_size_t, check, create_string_buffer, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CPU_LEVEL_WHICH = 3
_CPU_WHICH_JAIL = 5
#: bytes of the largest set of processors that kernels take; theirs has 32 (13) or 128
_SIZE = 128


def set_jail_affinity(jid: int, processors: Iterable[int]) -> None:
    """
    Pin a jail to processors.

    :raise OSError: EDEADLK where the set has none of those the jail may use; ESRCH.
    :raise ValueError: no kernel has so many processors.
    """
    mask = pack(processors)
    check(
        libc.cpuset_setaffinity(c_int(_CPU_LEVEL_WHICH), c_int(_CPU_WHICH_JAIL), _id(jid), c_size_t(len(mask)), mask),
        f"cpuset_setaffinity of jail {jid}",
    )


def jail_affinity(jid: int) -> tuple[int, ...]:
    """Return the processors that a jail may use."""
    out = create_string_buffer(_SIZE)
    check(
        libc.cpuset_getaffinity(c_int(_CPU_LEVEL_WHICH), c_int(_CPU_WHICH_JAIL), _id(jid), c_size_t(_SIZE), out),
        f"cpuset_getaffinity of jail {jid}",
    )
    return unpack(out.raw)


def pack(processors: Iterable[int]) -> bytes:
    """Return a ``cpuset_t``."""
    mask = 0
    for number in processors:
        if not 0 <= number < _SIZE * 8:
            raise ValueError(f"there is no processor {number}")
        mask |= 1 << number
    return mask.to_bytes(_SIZE, "little")


def unpack(mask: bytes) -> tuple[int, ...]:
    """Return the numbers in a ``cpuset_t``."""
    bits = int.from_bytes(mask, "little")
    return tuple(number for number in range(bits.bit_length()) if bits >> number & 1)


def _id(number: int) -> object:
    from ctypes import c_int64

    return c_int64(number)
