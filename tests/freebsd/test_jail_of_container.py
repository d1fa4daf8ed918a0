"""What the kernel says of the jail that a container is."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from runjd.kernel.freebsd.interfaces import IN6_IFF_TENTATIVE
from runjd.kernel.freebsd.jail import JAIL_DYING
from runjd.kernel.freebsd.kernel import FreeBSDKernel

pytestmark = [pytest.mark.freebsd, pytest.mark.root]

FOREVER = "while :; do sleep 1; done"
IPV4, IPV6 = "192.0.2.78", "2001:db8::78"


@pytest.fixture
def kernel() -> FreeBSDKernel:
    """Return the kernel."""
    return FreeBSDKernel()


@pytest.fixture(autouse=True)
def only_here(containers):
    """Skip what is about another system's containers."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")


def jail(**properties: Any):
    """Return what puts properties of freebsd.jail into a configuration."""
    return lambda config: config.update(freebsd={"jail": properties})


def jid_of(containers, id: str) -> int:
    """Return the jid that the state tells."""
    return int(containers.state(id)["annotations"]["org.freebsd.jail.jid"])


def seen(containers, kernel, change, *names: str) -> list[Any]:
    """Return parameters of a jail that was made for them."""
    containers.create("c", FOREVER, change)
    found = kernel.jail_get([("jid", jid_of(containers, "c"))], names)
    containers.ok("delete", "--force", "c")
    return [found[name] for name in names]


def test_the_jail_is_gone_with_its_container(containers, kernel) -> None:
    """It is not even dying."""
    containers.create("c", FOREVER)
    jid = jid_of(containers, "c")
    containers.ok("start", "c")
    containers.ok("delete", "--force", "c")

    with pytest.raises(FileNotFoundError):
        kernel.jail_get([("jid", jid)], (), JAIL_DYING)


def test_addresses_are_the_jail_s(containers, kernel) -> None:
    """Those that are given; those of the host where none is said."""
    given = seen(containers, kernel, jail(ip4="new", ip4Addr=["127.0.0.1"], ip6="disable"), "ip4.addr", "ip6.addr")
    shared = seen(containers, kernel, jail(ip4="inherit", ip6="inherit"), "ip4", "ip6")

    assert given == [("127.0.0.1",), ()]
    assert shared == [2, 2]


def test_an_alias_lives_as_long_as_its_jail(containers, kernel) -> None:
    """It is added to the interface at create, and taken away at delete."""
    interface = kernel.create_interface("lo")
    try:
        containers.create("c", FOREVER, jail(ip4="new", ip4Addr=[IPV4], ip6="new", ip6Addr=[IPV6], interface=interface))
        during = [kernel.has_address(address) for address in (IPV4,)]
        containers.ok("delete", "--force", "c")
        with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
            kernel.remove_address(interface, IPV4)
        with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
            kernel.remove_address(interface, IPV6)
    finally:
        kernel.destroy_interface(interface)

    assert during == [True]


def test_an_alias_of_version_6_is_ready_when_the_process_starts(containers, kernel) -> None:
    """The kernel has asked the network whether another machine has it; until then nobody can bind to it."""
    if not kernel.has_module("if_epair"):
        kernel.kldload("if_epair")
    first = kernel.create_interface("epair")
    second = first[:-1] + "b"
    try:
        for end in (first, second):
            kernel.bring_up(end)
        containers.create("c", FOREVER, jail(ip6="new", ip6Addr=[IPV6], interface=first))
        flags, ready = kernel.address_flags(first, IPV6), kernel.has_address(IPV6)
        containers.ok("delete", "--force", "c")
        with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
            kernel.address_flags(first, IPV6)
    finally:
        kernel.destroy_interface(first)

    assert (flags & IN6_IFF_TENTATIVE, ready) == (0, True)


def test_an_interface_goes_in_and_comes_back(containers, kernel) -> None:
    """To a jail with a network of its own."""
    if not kernel.has_module("if_epair"):
        kernel.kldload("if_epair")
    first = kernel.create_interface("epair")
    second = first[:-1] + "b"
    try:
        containers.create("c", FOREVER, jail(vnet="new", vnetInterfaces=[second]))
        away = second in kernel.interface_names()
        containers.ok("delete", "--force", "c")
        back = second in kernel.interface_names()
    finally:
        kernel.destroy_interface(first)

    assert (away, back) == (False, True)


def test_what_is_allowed_can_be_given_and_taken(containers, kernel) -> None:
    """In both directions."""
    change = jail(allow={"rawSockets": True, "setHostname": False, "mlock": True, "mount": ["tmpfs"]}, enforceStatfs=1)
    names = ("raw_sockets", "set_hostname", "mlock", "mount", "mount.tmpfs", "mount.nullfs")

    assert seen(containers, kernel, change, *(f"allow.{name}" for name in names)) == [1, 0, 1, 1, 1, 0]


def test_shared_memory_is_the_jail_s_own(containers, kernel) -> None:
    """By default; it can be the host's, or nobody's."""
    assert seen(containers, kernel, jail(), "sysvmsg", "sysvsem", "sysvshm") == [1, 1, 1]
    change = jail(sysvmsg="disable", sysvsem="inherit", sysvshm="new")
    assert seen(containers, kernel, change, "sysvmsg", "sysvsem", "sysvshm") == [0, 2, 1]


@pytest.mark.parametrize("enforce", [0, 1, 2])
def test_how_many_mounts_are_seen(containers, kernel, enforce) -> None:
    """enforceStatfs is the jail's enforce_statfs."""
    assert seen(containers, kernel, jail(enforceStatfs=enforce), "enforce_statfs") == [enforce]


def test_a_jail_may_be_below_another(containers, kernel) -> None:
    """The parent's children.max is raised where it is full, and is what it was afterwards."""
    containers.create("above", FOREVER)
    jid = jid_of(containers, "above")
    before = kernel.jail_get([("jid", jid)], ["children.max"])["children.max"]
    containers.create("below", FOREVER, jail(parent="above"))
    parent = kernel.jail_get([("jid", jid_of(containers, "below"))], ["parent"])["parent"]
    containers.ok("delete", "--force", "below")
    after = kernel.jail_get([("jid", jid)], ["children.max"])["children.max"]
    containers.ok("delete", "--force", "above")

    assert (parent, after) == (jid, before)


def test_a_device_is_shown_with_its_mode(containers) -> None:
    """Beside those of ruleset 4, which has no mem."""

    def change(config: dict[str, Any]) -> None:
        config["mounts"] = [{"destination": "/dev", "type": "devfs", "source": "devfs", "options": ["ruleset=4"]}]
        config["freebsd"] = {"devices": [{"path": "full", "mode": 0o600}], "jail": {}}

    said = containers.run("ls /dev; ls -l /dev/full", change)

    assert {"null", "zero", "full"} <= set(said.split())
    assert "mem" not in said.split()
    assert "crw-------" in said


def test_limits_are_there_before_the_first_process_and_gone_afterwards(containers, kernel) -> None:
    """By rctl, of an annotation and of linux.resources."""
    if not kernel.sysctl_number("kern.racct.enable"):
        pytest.skip("kern.racct.enable is 0: set kern.racct.enable=1 in /boot/loader.conf and reboot")

    def change(config: dict[str, Any]) -> None:
        config["annotations"] = {"org.runjd.rctl.openfiles": "deny=100"}
        config["linux"] = {"resources": {"pids": {"limit": 20}}}

    containers.create("runjd-limits", FOREVER, change)
    during = set(kernel.rctl_get_rules("jail:runjd-limits:").split(","))
    containers.ok("delete", "--force", "runjd-limits")

    assert during == {"jail:runjd-limits:openfiles:deny=100", "jail:runjd-limits:maxproc:deny=20"}
    assert kernel.rctl_get_rules("jail:runjd-limits:") == ""


def test_a_jail_that_somebody_removed_can_be_deleted(containers, kernel) -> None:
    """Its mounts are taken away nevertheless."""

    def change(config: dict[str, Any]) -> None:
        config["mounts"] = [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]

    containers.create("c", FOREVER, change)
    containers.ok("start", "c")
    kernel.jail_remove(jid_of(containers, "c"))
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")

    assert containers.ok("list", "--quiet") == ""


def test_mounts_that_somebody_took_away_do_not_stop_a_delete(containers, kernel) -> None:
    """What is gone is gone."""

    def change(config: dict[str, Any]) -> None:
        config["mounts"] = [{"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"}]

    bundle = containers.create("c", FOREVER, change)
    containers.ok("start", "c")
    kernel.unmount(f"{bundle}/rootfs/tmp")
    containers.ok("delete", "--force", "c")

    assert containers.ok("list", "--quiet") == ""


def test_a_ruleset_that_is_not_loaded_is_an_error(containers) -> None:
    """With its JSON path: the kernel would show every device."""
    config = containers.config("")
    config["mounts"] = [{"destination": "/dev", "type": "devfs", "source": "devfs", "options": ["ruleset=60418"]}]
    said = containers.fails("create", "--bundle", containers.bundle(config), "c")

    assert "mounts[0]" in said
    assert "60418" in said


def test_an_address_that_clashes_is_told(containers) -> None:
    """In the words of the kernel, and nothing is left."""
    containers.create("one", FOREVER, jail(ip4="new", ip4Addr=["127.0.0.1", "127.0.0.2"]))
    config = containers.config(FOREVER)
    jail(ip4="new", ip4Addr=["127.0.0.2"])(config)
    said = containers.fails("create", "--bundle", containers.bundle(config), "two")
    containers.ok("delete", "--force", "one")

    assert "clash" in said
