"""Interfaces of the host and of jails that have a network of their own."""

from __future__ import annotations

import errno
import os

import pytest

from runjd.kernel.freebsd.jail import NEW

#: nobody's: RFC 5737 and RFC 3849
IPV4, IPV6 = "192.0.2.77", "2001:db8::77"


@pytest.fixture
def network(machine):
    """Return the kernel, if jails can have networks."""
    try:
        if not machine.kernel.sysctl_number("kern.features.vimage"):
            raise FileNotFoundError
    except FileNotFoundError:
        pytest.skip("this kernel is built without VIMAGE")
    return machine.kernel


@pytest.fixture
def epair(network):
    """Return the two ends of a new pair."""
    if not network.has_module("if_epair"):
        try:
            network.kldload("if_epair")
        except FileExistsError:
            pass
    first = network.create_interface("epair")
    yield first, first[:-1] + "b"
    network.destroy_interface(first)


@pytest.fixture
def loopback(machine):
    """Return a loopback interface of our own."""
    name = machine.kernel.create_interface("lo")
    yield name
    machine.kernel.destroy_interface(name)


def test_an_interface_goes_into_a_jail_and_back(network, epair, jail) -> None:
    """It is on the host or in the jail, and comes back by the name it has inside."""
    _, second = epair
    jid = jail(vnet=NEW)
    network.move_into_jail(second, jid)
    away = second in network.interface_names()
    network.reclaim_from_jail(second, jid)

    assert not away
    assert second in network.interface_names()


def test_an_interface_comes_home_when_its_jail_ends(machine, network, epair, jail) -> None:
    """Without anybody asking for it."""
    _, second = epair
    jid = jail(vnet=NEW)
    network.move_into_jail(second, jid)
    network.jail_remove(jid)

    assert _comes_true(lambda: second in network.interface_names(), machine)


def test_a_new_network_has_only_a_loopback(machine, network, epair, jail) -> None:
    """And what was moved there."""
    jid = jail(vnet=NEW)
    before = machine.ask(network.interface_names, jid)
    network.move_into_jail(epair[1], jid)
    after = machine.ask(network.interface_names, jid)
    network.reclaim_from_jail(epair[1], jid)

    assert before == ["lo0"]
    assert set(after) == {"lo0", epair[1]}


def test_what_cannot_be_moved_is_told_apart(network, epair, jail) -> None:
    """ENXIO where interface or jail is not there, EEXIST where the jail has no network of its own."""
    without = jail(name="runjd-test-plain")
    for name, jid, number in (
        ("nosuch0", without, errno.ENXIO),
        (epair[1], 999_998, errno.ENXIO),
        (epair[1], without, errno.EEXIST),
    ):
        with pytest.raises(OSError, match=os.strerror(number)):
            network.move_into_jail(name, jid)
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        network.reclaim_from_jail(epair[1], without)


@pytest.mark.parametrize(("address", "prefix"), [(IPV4, 32), (IPV6, 128)])
def test_an_alias_is_added_and_removed(machine, loopback, address, prefix) -> None:
    """To add it again is no error, to remove it again is EADDRNOTAVAIL."""
    machine.kernel.add_address(loopback, address, prefix)
    machine.kernel.add_address(loopback, address, prefix)
    machine.kernel.remove_address(loopback, address)

    with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
        machine.kernel.remove_address(loopback, address)


def test_an_alias_of_nothing_is_refused(machine) -> None:
    """ENXIO."""
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        machine.kernel.add_address("nosuch0", IPV4, 32)


def test_an_interface_is_brought_up(machine, loopback) -> None:
    """Twice is no error."""
    machine.kernel.bring_up(loopback)
    machine.kernel.bring_up(loopback)


def test_a_destroyed_interface_is_gone(machine) -> None:
    """A second time is ENXIO."""
    name = machine.kernel.create_interface("lo")
    machine.kernel.destroy_interface(name)

    assert name not in machine.kernel.interface_names()
    with pytest.raises(OSError, match=os.strerror(errno.ENXIO)):
        machine.kernel.destroy_interface(name)


def _comes_true(condition, machine) -> bool:
    """Wait for what the kernel does when it has time."""
    import time

    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline or not machine.is_real:
            return False
        time.sleep(0.05)
    return True
