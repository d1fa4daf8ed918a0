"""
``runj.ext.json`` beside ``config.json``: how runj was told of jails before the specification could.

Its properties have had a place in the specification since 1.3; the file is read for
the bundles that have it.
"""

from __future__ import annotations

from runjd.errors import SpecError
from runjd.spec.addresses import address_fault
from runjd.spec.jsontext import read_json
from runjd.spec.model import FreeBSDJail
from runjd.spec.reader import Faults, Reader, found

NAME = "runj.ext.json"

_SHARING = ("disable", "new", "inherit")


def parse_extension(data: bytes, file: str) -> FreeBSDJail:
    """
    Return what the document says of the jail; what it does not say is empty.

    :param data: the whole document.
    :param file: where it was read from, for errors.
    :raise SpecError: with the JSON paths of all faults.
    """
    value = read_json(data, file)
    if not isinstance(value, dict):
        raise SpecError("", f"found {found(value)}, expected an object with network", file)
    faults = Faults()
    network = Reader(value, "", faults).object("network")
    jail = FreeBSDJail() if network is None else _read_network(network)
    faults.check(file)
    return jail


def _read_network(reader: Reader) -> FreeBSDJail:
    ipv4, vnet = reader.object("ipv4"), reader.object("vnet")
    jail = FreeBSDJail()
    if ipv4 is not None:
        jail = jail._replace(ip4=ipv4.choice("mode", ("", *_SHARING)), ip4_addr=_read_addresses(ipv4))
    if vnet is not None:
        jail = jail._replace(vnet=vnet.choice("mode", ("", *_SHARING[1:])), vnet_interfaces=vnet.texts("interfaces"))
    return jail


def _read_addresses(reader: Reader) -> tuple[str, ...]:
    values = reader.texts("addr")
    for index, each in enumerate(values):
        reason = address_fault(each, 4)
        if reason:
            reader.fault_at("addr", index, reason)
    return values
