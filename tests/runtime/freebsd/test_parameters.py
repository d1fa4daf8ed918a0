"""Tests of runjd.runtime.freebsd.parameters: every property, and the combinations that the kernel reads otherwise."""

from __future__ import annotations

import pytest

from runjd.errors import SpecError
from runjd.runtime.freebsd.parameters import plan_parameters
from runjd.spec.model import FreeBSDJail, JailAllow
from tests.runtime.freebsd.configs import config


def parameters(jail: FreeBSDJail, **properties: object) -> dict[str, object]:
    """Return what jail_set(2) is passed, without what every jail has."""
    made = plan_parameters(config(jail, **properties), jail, "web", "/jails/web/root", 4)  # type: ignore[arg-type]
    assert [(each.name, each.value) for each in made[:3]] == [
        ("name", "web"),
        ("path", "/jails/web/root"),
        ("persist", True),
    ]
    names = [each.name for each in made]
    assert len(set(names)) == len(names), "of two the last would count"
    return {each.name: each.value for each in made[3:]}


def changed(jail: FreeBSDJail, **properties: object) -> dict[str, object]:
    """Return the parameters that an empty jail does not have, or has otherwise."""
    before = parameters(FreeBSDJail())
    return {key: each for key, each in parameters(jail, **properties).items() if before.get(key) != each}


def test_a_jail_of_which_nothing_is_said_shares_names_and_network_and_has_sysv_ipc_of_its_own() -> None:
    """Engines that say nothing want what the host has; the specification wants new IPC; root cannot rename the host."""
    assert parameters(FreeBSDJail()) == {
        "host": 2,
        "ip4": 2,
        "ip6": 2,
        "sysvmsg": 1,
        "sysvsem": 1,
        "sysvshm": 1,
        "allow.set_hostname": False,
    }


def test_names_are_passed_and_make_the_host_new() -> None:
    """A jail of its own name may change it, as the kernel lets it by default."""
    found = parameters(FreeBSDJail(), hostname="web", domainname="example.org")

    assert (found["host"], found["host.hostname"], found["host.domainname"]) == (1, "web", "example.org")
    assert "allow.set_hostname" not in found


@pytest.mark.parametrize("field", ["hostname", "domainname"])
def test_an_inherited_host_has_no_name_to_set(field: str) -> None:
    """The kernel would make it a new one without a word."""
    with pytest.raises(SpecError, match=rf"^{field}: "):
        parameters(FreeBSDJail(host="inherit"), **{field: "web"})


def test_vnet_is_only_passed_where_it_is_new_and_then_alone() -> None:
    """vnet=inherit beside any ip4 parameter is EINVAL, and so is vnet=new (kern_jail.c)."""
    new = parameters(FreeBSDJail(vnet="new", ip4="new"))

    assert new["vnet"] == 1
    assert not [each for each in new if each.startswith("ip")]
    assert parameters(FreeBSDJail(vnet="inherit")) == parameters(FreeBSDJail())


@pytest.mark.parametrize(
    ("jail", "path"),
    [
        (FreeBSDJail(vnet="new", ip4_addr=("10.0.0.1",)), "ip4Addr"),
        (FreeBSDJail(vnet="new", ip6_addr=("::2",)), "ip6Addr"),
        (FreeBSDJail(vnet="new", interface="em0"), "interface"),
        (FreeBSDJail(vnet="new", ip4="inherit"), "ip4"),
        (FreeBSDJail(vnet="new", ip6="disable"), "ip6"),
        (FreeBSDJail(vnet="new", vnet_interfaces=("a", "a")), "vnetInterfaces[1]"),
        (FreeBSDJail(vnet_interfaces=("a",)), "vnetInterfaces"),
        (FreeBSDJail(interface="em0"), "interface"),
        (FreeBSDJail(ip4="disable", ip4_addr=("10.0.0.1",)), "ip4Addr"),
        (FreeBSDJail(ip4_addr=("10.0.0.1", "10.0.0.2", "10.0.0.1")), "ip4Addr[2]"),
        (FreeBSDJail(ip4_addr=tuple(f"10.0.{n // 250}.{n % 250 + 1}" for n in range(256))), "ip4Addr"),
    ],
)
def test_what_does_not_go_together_is_refused_by_its_path(jail: FreeBSDJail, path: str) -> None:
    """The kernel says EINVAL, or takes something else than was asked for."""
    with pytest.raises(SpecError) as raised:
        parameters(jail)

    assert raised.value.path == f"freebsd.jail.{path}"


def test_one_family_that_is_given_takes_the_other_away() -> None:
    """Who gives addresses restricts the jail to them."""
    found = parameters(FreeBSDJail(ip4_addr=("10.0.0.3", "10.0.0.1"), interface="em0"))

    assert (found["ip4"], found["ip4.addr"], found["ip6"]) == (1, ("10.0.0.3", "10.0.0.1"), 0)


def test_a_list_of_addresses_wins_over_inherit() -> None:
    """As in the kernel, and as ocijail sends it."""
    assert parameters(FreeBSDJail(ip4="inherit", ip4_addr=("10.0.0.1",)))["ip4"] == 1


@pytest.mark.parametrize(
    ("jail", "passed"),
    [
        (FreeBSDJail(host="new"), {"host": 1}),
        (FreeBSDJail(ip4="new"), {"ip4": 1, "ip6": 0}),
        (FreeBSDJail(ip6="disable"), {"ip4": 0, "ip6": 0}),
        (FreeBSDJail(ip6="inherit"), {"ip4": 0}),
        (FreeBSDJail(sysvmsg="inherit", sysvsem="disable"), {"sysvmsg": 2, "sysvsem": 0}),
        (FreeBSDJail(sysvshm="disable"), {"sysvshm": 0}),
        (FreeBSDJail(enforce_statfs=0), {"enforce_statfs": 0}),
        (FreeBSDJail(enforce_statfs=1), {"enforce_statfs": 1}),
        (FreeBSDJail(allow=JailAllow(set_hostname=True)), {"allow.set_hostname": True}),
        (FreeBSDJail(allow=JailAllow(raw_sockets=True)), {"allow.raw_sockets": True}),
        (FreeBSDJail(allow=JailAllow(raw_sockets=False)), {"allow.raw_sockets": False}),
        (FreeBSDJail(allow=JailAllow(chflags=True, quotas=False)), {"allow.chflags": True, "allow.quotas": False}),
        (FreeBSDJail(allow=JailAllow(socket_af=True, mlock=True)), {"allow.socket_af": True, "allow.mlock": True}),
        (FreeBSDJail(allow=JailAllow(reserved_ports=False)), {"allow.reserved_ports": False}),
        (FreeBSDJail(allow=JailAllow(suser=False)), {"allow.suser": False}),
        (FreeBSDJail(allow=JailAllow(others=(("sysvipc", True),))), {"allow.sysvipc": True}),
        (
            FreeBSDJail(allow=JailAllow(mount=("tmpfs", "nullfs", "tmpfs"))),
            {"allow.mount": True, "allow.mount.tmpfs": True, "allow.mount.nullfs": True},
        ),
        (
            FreeBSDJail(allow=JailAllow(mount=("devfs",))),
            {"allow.mount": True, "allow.mount.devfs": True, "devfs_ruleset": 4},
        ),
    ],
)
def test_every_property_has_its_parameter_in_both_directions(jail: FreeBSDJail, passed: dict[str, object]) -> None:
    """What the document says is passed, what it does not say is left to the kernel."""
    assert {key: each for key, each in changed(jail).items() if key != "host" or "host" in passed} == passed


def test_a_parameter_knows_who_asked_for_it() -> None:
    """So that an error of the kernel can name the property."""
    jail = FreeBSDJail(ip4_addr=("10.0.0.1",), allow=JailAllow(raw_sockets=True, mount=("zfs",)))

    paths = {each.name: each.path for each in plan_parameters(config(jail), jail, "web", "/root", 4)}

    assert paths["ip4.addr"] == "freebsd.jail.ip4Addr"
    assert paths["allow.raw_sockets"] == "freebsd.jail.allow.rawSockets"
    assert paths["allow.mount.zfs"] == "freebsd.jail.allow.mount[0]"
    assert paths["sysvshm"] == "freebsd.jail.sysvshm"
