"""Which processors a jail may run on: cpuset_setaffinity(2)."""

from __future__ import annotations

import errno

from runjd.kernel.libc import c_int, c_int64, c_size_t, check, create_string_buffer, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_CPU_LEVEL_WHICH = 3
_CPU_WHICH_JAIL = 5
#: bytes of a ``cpuset_t``: of 14 and later, of 13, which takes no larger one
_SIZES = (128, 32)


def set_jail_affinity(jid: int, processors: Iterable[int]) -> None:
    """
    Pin a jail to processors.

    :raise OSError: EINVAL where the jail above may not use one of them; EDEADLK for none; ESRCH.
    :raise ValueError: no kernel has so many processors.
    """
    wanted = tuple(processors)
    for size in _SIZES:
        mask = pack(wanted, size)
        if not _is_refused(libc.cpuset_setaffinity(*_jail(jid), c_size_t(size), mask), size, jid):
            return


def jail_affinity(jid: int) -> tuple[int, ...]:
    """Return the processors that a jail may use."""
    for size in _SIZES:
        out = create_string_buffer(size)
        if not _is_refused(libc.cpuset_getaffinity(*_jail(jid), c_size_t(size), out), size, jid):
            break
    return unpack(out.raw)


def _is_refused(result: int, size: int, jid: int) -> bool:
    """Whether the kernel wants a set of another size; raises what else it refuses."""
    try:
        check(result, f"cpuset of jail {jid}")
    except OSError as error:
        if error.errno != errno.ERANGE or size == _SIZES[-1]:
            raise
        return True
    return False


def pack(processors: Iterable[int], size: int = _SIZES[0]) -> bytes:
    """Return a ``cpuset_t`` of so many bytes."""
    mask = 0
    for number in processors:
        if not 0 <= number < size * 8:
            raise ValueError(f"there is no processor {number}")
        mask |= 1 << number
    return mask.to_bytes(size, "little")


def unpack(mask: bytes) -> tuple[int, ...]:
    """Return the numbers in a ``cpuset_t``."""
    bits = int.from_bytes(mask, "little")
    return tuple(number for number in range(bits.bit_length()) if bits >> number & 1)


def _jail(jid: int) -> tuple[object, ...]:
    return c_int(_CPU_LEVEL_WHICH), c_int(_CPU_WHICH_JAIL), c_int64(jid)
