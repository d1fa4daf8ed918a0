"""Network interfaces of Linux, by the ioctls of netdevice(7)."""

from __future__ import annotations

import _socket
import fcntl
import struct

_SIOCGIFFLAGS = 0x8913
_SIOCSIFFLAGS = 0x8914
_IFF_UP = 1
_IFREQ = struct.Struct("16sh22x")


def bring_up(name: str) -> None:
    """Bring an interface of our network namespace up."""
    channel = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        found = fcntl.ioctl(channel.fileno(), _SIOCGIFFLAGS, _IFREQ.pack(name.encode("ascii"), 0))
        flags = _IFREQ.unpack(found)[1]
        if not flags & _IFF_UP:
            fcntl.ioctl(channel.fileno(), _SIOCSIFFLAGS, _IFREQ.pack(name.encode("ascii"), flags | _IFF_UP))
    finally:
        channel.close()
