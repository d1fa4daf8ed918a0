"""Tests of runjd.spec.jail_extension."""

import json

import pytest

from runjd.errors import SpecError
from runjd.spec.jail_extension import parse_extension
from runjd.spec.model import FreeBSDJail


def parse(document: object) -> FreeBSDJail:
    """Parse a document."""
    return parse_extension(json.dumps(document).encode(), "runj.ext.json")


def test_runjs_document_is_read() -> None:
    """Addresses, modes and interfaces have their fields in the specification's object."""
    assert parse(
        {
            "network": {
                "ipv4": {"mode": "new", "addr": ["127.0.0.2"]},
                "vnet": {"mode": "inherit", "interfaces": ["epair0b"]},
            }
        }
    ) == FreeBSDJail(ip4="new", ip4_addr=("127.0.0.2",), vnet="inherit", vnet_interfaces=("epair0b",))


@pytest.mark.parametrize("document", [{}, {"network": {}}, {"network": {"ipv4": {"mode": ""}}}, {"other": 1}])
def test_what_it_does_not_say_is_empty(document: object) -> None:
    """An empty mode keeps what config.json says; unknown properties are ignored."""
    assert parse(document) == FreeBSDJail()


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"network": {"ipv4": {"mode": "on"}}}, "network.ipv4.mode", "expected one of"),
        ({"network": {"ipv4": {"addr": ["::1"]}}}, "network.ipv4.addr[0]", "IPv4"),
        ({"network": {"vnet": {"mode": "disable"}}}, "network.vnet.mode", "expected one of"),
        ({"network": []}, "network", "expected an object"),
        ([], "", "expected an object"),
    ],
)
def test_what_is_wrong_is_named(document: object, path: str, words: str) -> None:
    """The fault names the file and the path."""
    with pytest.raises(SpecError) as raised:
        parse(document)

    assert (raised.value.path, raised.value.file) == (path, "runj.ext.json")
    assert words in raised.value.reason
