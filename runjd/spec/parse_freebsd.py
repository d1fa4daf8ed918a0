"""
The ``freebsd`` object of ``config.json``.

Specification: config-freebsd.md of version 1.3.  Which values fit together
(addresses and vnet, host names and ``host``) is for the runtime to say, as
jail(2) has the last word.
"""

from __future__ import annotations

from runjd.spec.addresses import address_fault
from runjd.spec.model import FreeBSD, FreeBSDDevice, FreeBSDJail, JailAllow
from runjd.spec.quote import quoted
from runjd.spec.reader import Reader

_SHARING = ("disable", "new", "inherit")
_SHARING_NO_DISABLE = ("new", "inherit")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")


def read_freebsd(reader: Reader) -> FreeBSD:
    """Return the object; what is wrong is noted in the reader's faults."""
    jail = reader.object("jail")
    return FreeBSD(
        devices=tuple([_read_device(each) for each in reader.objects("devices")]),
        jail=FreeBSDJail() if jail is None else _read_jail(jail),
    )


def _read_device(reader: Reader) -> FreeBSDDevice:
    path = ""
    if reader.require("path", "the path of a device below /dev"):
        path = reader.text("path")
        if path.startswith("/") or ".." in path.split("/") or (not path and reader.fields["path"] == ""):
            reader.fault("path", f"found {quoted(path)}, expected a path relative to /dev, as pf")
    return FreeBSDDevice(path, reader.integer("mode", 0, 0o777, " (decimal: 384 is 0600)"))


def _read_jail(reader: Reader) -> FreeBSDJail:
    allow = reader.object("allow")
    return FreeBSDJail(
        parent=reader.text("parent"),
        host=reader.choice("host", _SHARING_NO_DISABLE),
        ip4=reader.choice("ip4", _SHARING),
        ip4_addr=_read_addresses(reader, "ip4Addr"),
        ip6=reader.choice("ip6", _SHARING),
        ip6_addr=_read_addresses(reader, "ip6Addr"),
        vnet=reader.choice("vnet", _SHARING_NO_DISABLE),
        interface=reader.text("interface"),
        vnet_interfaces=_read_names(reader, "vnetInterfaces", "the name of an interface"),
        sysvmsg=reader.choice("sysvmsg", _SHARING),
        sysvsem=reader.choice("sysvsem", _SHARING),
        sysvshm=reader.choice("sysvshm", _SHARING),
        enforce_statfs=reader.integer("enforceStatfs", 0, 2),
        allow=JailAllow() if allow is None else _read_allow(allow),
    )


def _read_allow(reader: Reader) -> JailAllow:
    kinds = _read_names(reader, "mount", "the name of a file system")
    for index, each in enumerate(kinds):
        # it becomes the name of a jail parameter, allow.mount.NAME
        if each and not _NAME.issuperset(each):
            reader.fault_at("mount", index, f"found {quoted(each)}, expected the name of a file system, as tmpfs")
    return JailAllow(
        set_hostname=reader.boolean("setHostname"),
        raw_sockets=reader.boolean("rawSockets"),
        chflags=reader.boolean("chflags"),
        mount=kinds,
        quotas=reader.boolean("quotas"),
        socket_af=reader.boolean("socketAf"),
        mlock=reader.boolean("mlock"),
        reserved_ports=reader.boolean("reservedPorts"),
        suser=reader.boolean("suser"),
    )


def _read_names(reader: Reader, name: str, expected: str) -> tuple[str, ...]:
    values = reader.texts(name)
    for index, each in enumerate(values):
        if not each:
            reader.fault_at(name, index, f"is empty; expected {expected}")
    return values


def _read_addresses(reader: Reader, name: str) -> tuple[str, ...]:
    values = reader.texts(name)
    for index, each in enumerate(values):
        reason = address_fault(each, 4 if name == "ip4Addr" else 6)
        if reason:
            reader.fault_at(name, index, reason)
    return values
