"""Addresses that are added to an interface for a jail."""

from __future__ import annotations

import errno

import pytest

from runjd.errors import RuntimeFailure
from runjd.spec.model import FreeBSDJail
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine

IP6 = FreeBSDJail(ip6="new", ip6_addr=("fd00::1", "fd00::2"), interface="epair0a")


def test_an_address_that_the_host_has_is_not_taken_away() -> None:
    """It was there before, for somebody else."""
    machine = Machine()
    machine.kernel.add_address("lo0", "10.0.0.1", 32)
    held = machine.start(config(FreeBSDJail(ip4_addr=("10.0.0.1",), interface="lo0")))
    machine.reaps(held.pid)

    machine.runtime.remove(held)

    assert machine.kernel.has_address("10.0.0.1")


def test_an_address_of_version_6_can_be_bound_to_when_the_jail_is_there() -> None:
    """The kernel first asks the network for another machine that has it; of all addresses at once."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    before = machine.kernel.state.uptime

    machine.prepare(config(IP6))

    assert [machine.kernel.has_address(each) for each in IP6.ip6_addr] == [True, True]
    assert 1.5 <= (machine.kernel.state.uptime - before) / 1e6 < 1.7


def test_an_address_that_the_network_is_never_asked_about_keeps_nobody_waiting() -> None:
    """Without a link the kernel asks later, and the jail starts."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    machine.kernel.add_address("epair0a", "fd00::1", 128)
    interface = next(each for each in machine.kernel.state.interfaces if each.name == "epair0a")
    interface.ready["fd00::1"] = before = machine.kernel.state.uptime
    interface.ready["fd00::1"] += 3_600_000_000

    machine.prepare(config(IP6))

    assert 3.0 <= (machine.kernel.state.uptime - before) / 1e6 < 3.2


def test_an_address_that_the_host_has_elsewhere_is_not_waited_for() -> None:
    """On another interface it is ready."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    machine.kernel.add_address("lo0", "fd00::1", 128)
    before = machine.kernel.state.uptime

    machine.prepare(config(IP6._replace(ip6_addr=("fd00::1",))))

    assert machine.kernel.state.uptime - before < 100_000


def test_an_address_that_another_machine_has_is_told_with_the_property() -> None:
    """Nobody could bind to it, ever; nothing is left."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    machine.kernel.state.addresses_elsewhere.add("fd00::2")
    before = machine.snapshot()

    with pytest.raises(RuntimeFailure, match="another machine of the network has fd00::2") as raised:
        machine.prepare(config(IP6))
    machine.runtime.remove(machine.held())

    assert (raised.value.path, raised.value.errno) == ("freebsd.jail.ip6Addr[1]", errno.EADDRINUSE)
    assert machine.snapshot() == before
