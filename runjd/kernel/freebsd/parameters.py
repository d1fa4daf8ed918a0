"""
Parameters of jails and options of mounts, as the bytes that jail(2) and nmount(2) take.

A parameter is a name and a value.  True is a name without a value; False is the
name with "no" before its last part, for the kernel ignores what a boolean's value
is and takes it for true (seen on 13.2: ``persist`` with the integer 0 persists).
Bytes go to the kernel as they are.
"""

from __future__ import annotations

import _socket
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    #: what a parameter may be set to; a tuple is a list of addresses
    Value = str | int | bool | bytes | tuple[str, ...]
    Parameters = Iterable[tuple[str, Value]]
    #: what the kernel gets: name without its NUL, value; None is a null pointer
    Pairs = list[tuple[str, bytes | None]]

_TEXTS = {
    "name": 256, "path": 1024, "host.hostname": 256, "host.domainname": 256, "host.hostuuid": 64, "osrelease": 32,
    "linux.osname": 65, "linux.osrelease": 65,
}  # fmt: skip
#: FreeBSD 15: texts, and of ``meta.KEY`` one line of it; the size is security.jail.meta_maxbufsize as it comes
_METADATA = ("meta", "env")
_METADATA_SIZE = 4096
_ADDRESSES = {"ip4.addr": 4, "ip6.addr": 16}
#: security.jail.jail_max_af_ips, which an administrator may raise
_MOST_ADDRESSES = 1024
_LONGS = {"host.hostid"}
_INT = struct.Struct("=i")
_ULONG = struct.Struct("=Q")


def encode(parameters: Parameters) -> Pairs:
    """
    Return names and values for the kernel.

    :raise ValueError: a text has a NUL in it, which the kernel would cut it at; an integer or address is none.
    """
    return [_encode(name, value) for name, value in parameters]


def negated(name: str) -> str:
    """Return the name that switches a boolean off: ``allow.nomount`` of ``allow.mount``."""
    above, dot, last = name.rpartition(".")
    return f"{above}{dot}no{last}"


def size_of(name: str) -> int:
    """Return how many bytes a buffer for a parameter of that name must have."""
    if name in _TEXTS:
        return _TEXTS[name]
    if name.partition(".")[0] in _METADATA:
        return _METADATA_SIZE
    if name in _ADDRESSES:
        return _ADDRESSES[name] * _MOST_ADDRESSES
    return _ULONG.size if name in _LONGS else _INT.size


def decode(name: str, value: bytes) -> str | int | tuple[str, ...]:
    """Return what the kernel wrote into a buffer of :func:`size_of` bytes, cut to the length it told."""
    if name in _TEXTS or name.partition(".")[0] in _METADATA:
        return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")
    if name in _ADDRESSES:
        return _unpack_addresses(value, _ADDRESSES[name])
    return int((_ULONG if name in _LONGS else _INT).unpack(value)[0])


def _encode(name: str, value: Value) -> tuple[str, bytes | None]:
    if value is True:
        return name, None
    if value is False:
        return negated(name), None
    if isinstance(value, bytes):
        return name, value
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError(f"{name}: there is a NUL in {value!r}")
        return name, value.encode("utf-8", "surrogateescape") + b"\0"
    if isinstance(value, int):
        return name, _pack_integer(name, value)
    return name, _pack_addresses(name, value)


def _pack_integer(name: str, value: int) -> bytes:
    try:
        return _ULONG.pack(value) if name in _LONGS else _INT.pack(value)
    except struct.error:
        raise ValueError(f"{name}: {value} does not fit in the kernel's integer") from None


def _pack_addresses(name: str, texts: Sequence[str]) -> bytes:
    family = _socket.AF_INET if _ADDRESSES[name] == 4 else _socket.AF_INET6
    packed = []
    for text in texts:
        try:
            packed.append(_socket.inet_pton(family, text))
        except (OSError, ValueError):
            raise ValueError(f"{name}: {text!r} is no IPv{name[2]} address") from None
    return b"".join(packed)


def _unpack_addresses(value: bytes, size: int) -> tuple[str, ...]:
    family = _socket.AF_INET if size == 4 else _socket.AF_INET6
    return tuple(_socket.inet_ntop(family, value[at : at + size]) for at in range(0, len(value), size))
