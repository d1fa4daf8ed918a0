"""Tests of runjd.spec.parse_freebsd."""

import pytest

from runjd.spec.model import FreeBSD, FreeBSDDevice, FreeBSDJail, JailAllow
from runjd.spec.parse import parse_config
from tests.spec.documents import bundle, check_fault, encoded, good


def test_every_property_is_read() -> None:
    """The object comes out as it is written; false is told from absent."""
    assert parse_config(encoded(good("every-freebsd-property")), "config.json").freebsd == FreeBSD(
        devices=(FreeBSDDevice("pf", 0o700), FreeBSDDevice("zvol/tank/db")),
        jail=FreeBSDJail(
            parent="pod",
            host="new",
            ip4="new",
            ip4_addr=("10.11.12.13", "127.0.1.1"),
            ip6="disable",
            ip6_addr=("fd10::11:12:13",),
            vnet="inherit",
            interface="lo1",
            vnet_interfaces=("epair0b",),
            sysvmsg="disable",
            sysvsem="new",
            sysvshm="inherit",
            enforce_statfs=1,
            allow=JailAllow(
                set_hostname=False,
                raw_sockets=True,
                chflags=True,
                mount=("tmpfs", "fdescfs"),
                quotas=False,
                socket_af=True,
                mlock=True,
                reserved_ports=False,
                suser=True,
            ),
        ),
    )


@pytest.mark.parametrize("document", [{}, {"jail": {}}, {"jail": {"allow": {}}, "devices": []}])
def test_an_empty_object_gives_the_defaults(document: dict[str, object]) -> None:
    """What is not asked for is left to the kernel's defaults."""
    assert FreeBSD() == parse_config(encoded(bundle(freebsd=document)), "config.json").freebsd


@pytest.mark.parametrize(
    ("properties", "path", "words"),
    [
        ({"devices": {}}, "devices", "expected an array of objects"),
        ({"devices": [{}]}, "devices[0].path", "is missing"),
        ({"devices": [{"path": ""}]}, "devices[0].path", "relative to /dev"),
        ({"devices": [{"path": "/dev/pf"}]}, "devices[0].path", 'found "/dev/pf", expected a path relative to /dev'),
        ({"devices": [{"path": "fd/../../etc"}]}, "devices[0].path", "relative to /dev"),
        ({"devices": [{"path": "pf", "mode": 700}]}, "devices[0].mode", "decimal: 384 is 0600"),
        ({"jail": []}, "jail", "expected an object"),
        ({"jail": {"parent": 1}}, "jail.parent", "expected a string"),
        ({"jail": {"host": "disable"}}, "jail.host", "expected one of new, inherit"),
        ({"jail": {"vnet": True}}, "jail.vnet", "found true, expected one of new, inherit"),
        ({"jail": {"ip4": "none"}}, "jail.ip4", "expected one of disable, new, inherit"),
        ({"jail": {"sysvshm": ""}}, "jail.sysvshm", "expected one of disable, new, inherit"),
        ({"jail": {"ip4Addr": ["10.0.0.1/24"]}}, "jail.ip4Addr[0]", "expected a numeric address, as 10.11.12.13"),
        ({"jail": {"ip6Addr": ["::1", "10.0.0.1"]}}, "jail.ip6Addr[1]", "expected an IPv6 address, as fd10"),
        ({"jail": {"ip6Addr": "::1"}}, "jail.ip6Addr", "expected an array of strings"),
        ({"jail": {"vnetInterfaces": ["epair0b", ""]}}, "jail.vnetInterfaces[1]", "is empty"),
        ({"jail": {"enforceStatfs": 3}}, "jail.enforceStatfs", "from 0 to 2"),
        ({"jail": {"allow": {"mount": True}}}, "jail.allow.mount", "expected an array of strings"),
        ({"jail": {"allow": {"mount": ["zfs", "a.b"]}}}, "jail.allow.mount[1]", "the name of a file system"),
        ({"jail": {"allow": {"mount": [""]}}}, "jail.allow.mount[0]", "is empty"),
        ({"jail": {"allow": {"suser": "no"}}}, "jail.allow.suser", "expected true or false"),
    ],
)
def test_a_wrong_property_is_named_by_its_path(properties: dict[str, object], path: str, words: str) -> None:
    """One wrong property gives one fault, at its path."""
    check_fault(bundle(freebsd=properties), f"freebsd.{path}", words)
