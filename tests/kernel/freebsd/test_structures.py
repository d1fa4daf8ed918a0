"""Structures and numbers of FreeBSD's ioctls and system calls."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.freebsd import cpuset, devfs, interfaces, mount, procctl, rctl, terminal
from runjd.kernel.freebsd.mount import Mount


def direction_size_group(request: int) -> tuple[int, int, str]:
    """Return the direction bits, the size of the structure, and the group that an ioctl's number names."""
    return request >> 29, request >> 16 & 0x1FFF, chr(request >> 8 & 0xFF)


@pytest.mark.parametrize(
    ("request_", "structure", "group"),
    [
        (interfaces.SIOCSIFVNET, interfaces.ifreq("epair0b", 1), "i"),
        (interfaces.SIOCSIFRVNET, interfaces.ifreq("epair0b", 1), "i"),
        (interfaces.SIOCIFCREATE2, interfaces.ifreq("epair"), "i"),
        (interfaces.SIOCIFDESTROY, interfaces.ifreq("epair0a"), "i"),
        (interfaces.SIOCGIFFLAGS, interfaces.ifreq("lo0"), "i"),
        (interfaces.SIOCSIFFLAGS, interfaces.ifreq("lo0"), "i"),
        (interfaces.SIOCAIFADDR, interfaces.in_aliasreq("lo0", "127.0.0.6", 32), "i"),
        (interfaces.SIOCAIFADDR_IN6, interfaces.in6_aliasreq("lo0", "2001:db8::9", 128), "i"),
        (interfaces.SIOCDIFADDR_IN6, interfaces.in6_ifreq("lo0", "2001:db8::9"), "i"),
        (interfaces.SIOCGIFAFLAG_IN6, interfaces.in6_ifreq("lo0", "2001:db8::9"), "i"),
        (devfs.DEVFSIO_RADD, devfs.pack(devfs.Rule()), "D"),
        (devfs.DEVFSIO_RAPPLY, devfs.pack(devfs.Rule()), "D"),
        (devfs.DEVFSIO_RGETNEXT, devfs.pack(devfs.Rule()), "D"),
        (devfs.DEVFSIO_RDEL, bytes(4), "D"),
        (devfs.DEVFSIO_SUSE, bytes(2), "D"),
        (devfs.DEVFSIO_SAPPLY, bytes(2), "D"),
        (devfs.DEVFSIO_SGETNEXT, bytes(2), "D"),
        (terminal.TIOCSWINSZ, bytes(8), "t"),
    ],
)
def test_a_structure_has_the_size_that_the_request_names(request_: int, structure: bytes, group: str) -> None:
    """The number of an ioctl holds the size of what it copies; ours agree with it."""
    _, size, letter = direction_size_group(request_)

    assert (size, letter) == (len(structure), group)


def test_an_alias_is_address_and_mask() -> None:
    """127.0.0.6/32 as struct in_aliasreq: name, address, no broadcast address, mask."""
    assert interfaces.in_aliasreq("lo0", "127.0.0.6", 32) == (
        b"lo0".ljust(16, b"\0")
        + bytes([16, 2, 0, 0, 127, 0, 0, 6]) + bytes(8)
        + bytes(16)
        + bytes([16, 2, 0, 0, 255, 255, 255, 255]) + bytes(8)
        + bytes(4)
    )  # fmt: skip


def test_an_ipv6_alias_lasts_for_ever() -> None:
    """2001:db8::9/64 as struct in6_aliasreq: both lifetimes are infinite, at the offsets of the 64-bit ABI."""
    made = interfaces.in6_aliasreq("lo0", "2001:db8::9", 64)

    assert made[16:24] == bytes([28, 28, 0, 0, 0, 0, 0, 0])
    assert made[24:40] == bytes.fromhex("20010db8000000000000000000000009")
    assert made[72 + 8 : 72 + 24] == b"\xff" * 8 + bytes(8)
    assert struct.unpack_from("<II", made, 120) == (0xFFFFFFFF, 0xFFFFFFFF)


@pytest.mark.parametrize("name", ["x" * 16, "a\0b"])
def test_a_name_that_no_interface_can_have_is_not_there(name: str) -> None:
    """There is room for 15 bytes; a longer name is ENXIO, as an unknown one."""
    with pytest.raises(OSError, match="at most 15 bytes"):
        interfaces.ifreq(name)


@pytest.mark.parametrize(("address", "prefix"), [("127.0.0.1", 33), ("127.0.0.1", -1), ("::1", 129)])
def test_an_impossible_prefix_is_refused(address: str, prefix: int) -> None:
    """The length of a prefix is at most that of the address."""
    made = interfaces.in6_aliasreq if ":" in address else interfaces.in_aliasreq
    with pytest.raises(ValueError, match="no prefix"):
        made("lo0", address, prefix)


def test_statfs_is_read_by_its_offsets() -> None:
    """Type, source, mount point, flags and fsid of a struct statfs; another version is refused."""
    record = bytearray(2344)
    struct.pack_into("<IIQ", record, 0, 0x20140518, 135, 0x1001)
    struct.pack_into("<ii", record, 192, 0x6FF, -7)
    record[280:285] = b"tmpfs"
    record[296:301] = b"tmpfs"
    record[1320:1326] = b"/tmp/x"

    assert mount.parse(bytes(record) * 2) == [Mount("tmpfs", "tmpfs", "/tmp/x", 0x1001, (0x6FF, -7))] * 2
    with pytest.raises(OSError, match="another version"):
        mount.parse(bytes(2344))


def test_descendants_are_read_by_their_flags() -> None:
    """Of an array of struct procctl_reaper_pidinfo only those count that the kernel marked valid."""
    one = struct.pack("<iiI60x", 812, 811, 0x3)

    assert len(one) == 72
    assert procctl.parse_descendants(one + bytes(72)) == [procctl.Descendant(812, 811, 3)]


def test_usage_is_read() -> None:
    """The answer of rctl_get_racct, as it came from a kernel."""
    assert rctl.amounts("cputime=4,memoryuse=13905920,maxproc=15") == {
        "cputime": 4, "memoryuse": 13905920, "maxproc": 15,
    }  # fmt: skip
    assert rctl.amounts("") == {}


@pytest.mark.parametrize("filter", ["", ":", "::"])
def test_a_filter_that_matches_everything_is_refused(filter: str) -> None:
    """rctl_remove_rule with an empty filter would remove every rule of the machine."""
    with pytest.raises(ValueError, match="every rule"):
        rctl.rctl_remove_rule(filter)


@given(st.frozensets(st.integers(0, 1023)))
def test_a_set_of_processors_comes_back(processors: frozenset[int]) -> None:
    """A cpuset_t of 128 bytes holds 1024 processors, the lowest first."""
    packed = cpuset.pack(processors)

    assert len(packed) == 128
    assert cpuset.unpack(packed) == tuple(sorted(processors))


def test_an_impossible_processor_is_refused() -> None:
    """No kernel has more than 1024."""
    with pytest.raises(ValueError, match="no processor 1024"):
        cpuset.pack([1024])
