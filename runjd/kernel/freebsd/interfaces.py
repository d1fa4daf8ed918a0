"""
Network interfaces of FreeBSD, by the ioctls of netintro(4) and vnet(9).

An interface that moves between a jail and the host arrives down and without
addresses.  One that comes back keeps the name it was given inside, even where
the host has another of that name (seen on 13.2): look before.
"""

from __future__ import annotations

import _socket
import errno
import fcntl
import struct

SIOCSIFVNET = 0xC020695A
SIOCSIFRVNET = 0xC020695B
SIOCIFCREATE2 = 0xC020697C
SIOCIFDESTROY = 0x80206979
SIOCGIFFLAGS = 0xC0206911
SIOCSIFFLAGS = 0x80206910
SIOCAIFADDR = 0x8044692B
SIOCDIFADDR = 0x80206919
SIOCAIFADDR_IN6 = 0x8088691B
SIOCDIFADDR_IN6 = 0x81206919
SIOCGIFAFLAG_IN6 = 0xC1206949

#: of an address of version 6: whether the network was asked yet if another machine has it, and one has
IN6_IFF_TENTATIVE = 0x02
IN6_IFF_DUPLICATED = 0x04

_AF_INET = 2
_AF_INET6 = 28
_IFF_UP = 1
_FOREVER = 0xFFFFFFFF
_NAME_SIZE = 16

_IFREQ = struct.Struct("=16si12x")
_IFREQ_FLAGS = struct.Struct("=16sHH12x")
_SOCKADDR_IN = struct.Struct("=BBH4s8x")
_SOCKADDR_IN6 = struct.Struct("=BBHI16sI")
_IN6_FLAGS = struct.Struct("=i")
_IN6_IFREQ_SIZE = 288
# name, address, destination, mask, flags, expire, preferred, their lengths, vhid
_IN6_ALIASREQ = struct.Struct("=16s28s28s28siqqIIi4x")


def move_into_jail(name: str, jid: int) -> None:
    """
    Give an interface to a jail that has its own network.

    :raise OSError: ENXIO where interface or jail is not there; EEXIST where the jail has no network of its own, or
        an interface of that name.
    """
    _ioctl(_AF_INET, SIOCSIFVNET, ifreq(name, jid), name)


def reclaim_from_jail(name: str, jid: int) -> None:
    """
    Take an interface back from a jail, also from a dying one.

    :param name: the one it has inside.
    :raise OSError: ENXIO where interface or jail is not there.
    """
    _ioctl(_AF_INET, SIOCSIFRVNET, ifreq(name, jid), name)


def create_interface(kind: str) -> str:
    """Make an interface, as an ``epair``, and return its name; of a pair that of its first end."""
    made = _ioctl(_AF_INET, SIOCIFCREATE2, ifreq(kind), kind)
    return made[:_NAME_SIZE].partition(b"\0")[0].decode("ascii")


def destroy_interface(name: str) -> None:
    """Destroy an interface; an epair with its other end, wherever that is."""
    _ioctl(_AF_INET, SIOCIFDESTROY, ifreq(name), name)


def interface_names() -> list[str]:
    """Return the interfaces of our network."""
    return [name for _, name in _socket.if_nameindex()]


def bring_up(name: str) -> None:
    """Mark an interface up."""
    found = _ioctl(_AF_INET, SIOCGIFFLAGS, ifreq(name), name)
    _, low, high = _IFREQ_FLAGS.unpack(found)
    _ioctl(_AF_INET, SIOCSIFFLAGS, _IFREQ_FLAGS.pack(_name(name), low | _IFF_UP, high), name)


def add_address(name: str, address: str, prefix: int) -> None:
    """
    Give an interface one more address; one that it has is no error.

    :param prefix: length of the network's part in bits; 32 or 128 for an alias within a network it has.
    """
    if ":" in address:
        _ioctl(_AF_INET6, SIOCAIFADDR_IN6, in6_aliasreq(name, address, prefix), name)
    else:
        _ioctl(_AF_INET, SIOCAIFADDR, in_aliasreq(name, address, prefix), name)


def remove_address(name: str, address: str) -> None:
    """
    Take an address away.

    :raise OSError: EADDRNOTAVAIL where the interface does not have it.
    """
    if ":" in address:
        _ioctl(_AF_INET6, SIOCDIFADDR_IN6, in6_ifreq(name, address), name)
    else:
        _ioctl(_AF_INET, SIOCDIFADDR, _name(name) + sockaddr_in(address), name)


def address_flags(name: str, address: str) -> int:
    """
    Return the flags of an address of version 6.

    While it is tentative, which takes a second or two, nobody can bind to it; one that is a duplicate never can be.

    :raise OSError: EADDRNOTAVAIL where the interface does not have it.
    """
    found = _ioctl(_AF_INET6, SIOCGIFAFLAG_IN6, in6_ifreq(name, address), name)
    return int(_IN6_FLAGS.unpack_from(found, _NAME_SIZE)[0])


def has_address(address: str) -> bool:
    """Whether some interface of our network has an address: then it can be bound to."""
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    channel = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        channel.bind((address, 0))
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    finally:
        channel.close()
    return True


def ifreq(name: str, number: int = 0) -> bytes:
    """Return a ``struct ifreq`` with an integer."""
    return _IFREQ.pack(_name(name), number)


def sockaddr_in(address: str) -> bytes:
    """Return a ``struct sockaddr_in``."""
    return _SOCKADDR_IN.pack(_SOCKADDR_IN.size, _AF_INET, 0, _socket.inet_pton(_socket.AF_INET, address))


def sockaddr_in6(address: str) -> bytes:
    """Return a ``struct sockaddr_in6``."""
    packed = _socket.inet_pton(_socket.AF_INET6, address)
    return _SOCKADDR_IN6.pack(_SOCKADDR_IN6.size, _AF_INET6, 0, 0, packed, 0)


def in6_ifreq(name: str, address: str) -> bytes:
    """Return a ``struct in6_ifreq`` with an address."""
    return (_name(name) + sockaddr_in6(address)).ljust(_IN6_IFREQ_SIZE, b"\0")


def in_aliasreq(name: str, address: str, prefix: int) -> bytes:
    """Return a ``struct in_aliasreq``: the address, no broadcast address, the mask, no vhid."""
    mask = _socket.inet_ntop(_socket.AF_INET, _mask(prefix, 32))
    return _name(name) + sockaddr_in(address) + bytes(_SOCKADDR_IN.size) + sockaddr_in(mask) + bytes(4)


def in6_aliasreq(name: str, address: str, prefix: int) -> bytes:
    """Return a ``struct in6_aliasreq``: the address, no destination, the mask, for ever, no vhid."""
    mask = _SOCKADDR_IN6.pack(_SOCKADDR_IN6.size, _AF_INET6, 0, 0, _mask(prefix, 128), 0)
    return _IN6_ALIASREQ.pack(_name(name), sockaddr_in6(address), b"", mask, 0, 0, 0, _FOREVER, _FOREVER, 0)


def _mask(prefix: int, bits: int) -> bytes:
    if not 0 <= prefix <= bits:
        raise ValueError(f"/{prefix} is no prefix of {bits} bits")
    return ((1 << bits) - (1 << (bits - prefix))).to_bytes(bits // 8, "big")


def _name(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogateescape")
    if len(raw) >= _NAME_SIZE or b"\0" in raw:
        raise OSError(errno.ENXIO, f"an interface's name has at most {_NAME_SIZE - 1} bytes", name)
    return raw.ljust(_NAME_SIZE, b"\0")


def _ioctl(family: int, request: int, data: bytes, name: str) -> bytes:
    channel = _socket.socket(family, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        return fcntl.ioctl(channel.fileno(), request, data)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from None
    finally:
        channel.close()
