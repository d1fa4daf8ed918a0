"""Arrays of struct iovec, as the kernel reads them."""

from __future__ import annotations

import ctypes
import errno
import struct

import pytest

from runjd.kernel.freebsd.iovec import Iovec, call


def parts(vector: Iovec) -> list[bytes | None]:
    """Return what the kernel finds at the addresses; None for a null pointer."""
    found: list[bytes | None] = []
    for base, length in struct.Struct("PN").iter_unpack(vector.array.raw):
        found.append(ctypes.string_at(base, length) if base else None)
    return found


def write(vector: Iovec, index: int, data: bytes, length: int) -> None:
    """Do as the kernel does: write into a value, and say how long it is."""
    base, _ = struct.unpack_from("PN", vector.array, (2 * index + 1) * 16)
    ctypes.memmove(base, data, len(data))
    struct.pack_into("PN", vector.array, (2 * index + 1) * 16, base, length)


def test_names_end_in_nul_and_values_are_as_they_are() -> None:
    """There are two vectors for each pair; no value is a null pointer of length 0, an empty one is not."""
    vector = Iovec([("persist", None), ("vnet", b"\1\0\0\0"), ("ip4.addr", b"")])

    assert parts(vector) == [b"persist\0", None, b"vnet\0", b"\1\0\0\0", b"ip4.addr\0", b""]
    assert (vector.count, len(vector.array)) == (6, 6 * 16)


def test_a_value_is_as_long_as_the_kernel_says() -> None:
    """jail_get tells the length of a list of addresses by the vector's own length."""
    vector = Iovec([("ip4.addr", bytes(64))])
    write(vector, 0, b"\x7f\0\0\1", 4)

    assert vector.value(0) == b"\x7f\0\0\1"


def test_an_error_has_the_words_of_the_kernel() -> None:
    """What the kernel wrote into errmsg is the text of the error, with the number of the call."""

    def refuse(vector: Iovec) -> int:
        write(vector, 1, b"vnet jails cannot have IP address restrictions\0", 1024)
        ctypes.set_errno(errno.EINVAL)
        return -1

    with pytest.raises(OSError, match="vnet jails cannot") as caught:
        call("jail_set", [("name", b"x\0")], refuse)
    assert (caught.value.errno, caught.value.filename) == (errno.EINVAL, "jail_set")


def test_an_error_without_words_has_those_of_its_number() -> None:
    """The kernel leaves errmsg alone where it has nothing to say."""

    def refuse(vector: Iovec) -> int:
        ctypes.set_errno(errno.EPERM)
        return -1

    with pytest.raises(PermissionError, match="not permitted"):
        call("jail_set", [], refuse)
