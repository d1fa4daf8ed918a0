"""Addresses that a jail is given: numeric, and of the right family. Pure."""

from __future__ import annotations

from runjd.spec.quote import quoted


def packed(address: str) -> bytes:
    """
    Return a checked address in network order: 4 bytes, or 16.

    :raise OSError: it is none; ValueError: it has a NUL in it; see :func:`address_fault`.
    """
    from _socket import AF_INET, AF_INET6, inet_pton

    return inet_pton(AF_INET6 if ":" in address else AF_INET, address)


def address_fault(address: str, version: int) -> str:
    """
    Return what is wrong with an address; empty where nothing is.

    :param version: 4 or 6.
    """
    example = "10.11.12.13" if version == 4 else "fd10::11:12:13"
    try:
        found = packed(address)
    except (OSError, ValueError):
        return f"found {quoted(address)}, expected a numeric address, as {example}"
    if len(found) != (4 if version == 4 else 16):
        return f"found {quoted(address)}, expected an IPv{version} address, as {example}"
    if not any(found) or found == b"\xff\xff\xff\xff":
        return (
            f"found {quoted(address)}, which is no address of a jail (jail(2) refuses it); expected one, as {example}"
        )
    return ""
