"""Tests of runjd.runtime.freebsd.undoing: what others have come to use stays for them."""

from __future__ import annotations

import pytest

from runjd.runtime.contract import Undo
from runjd.spec.model import FreeBSDJail
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine


def most_children(machine: Machine, jail: str) -> object:
    """Return how many children a jail may have."""
    return machine.kernel.jail_get((("name", jail),), ("children.max",))["children.max"]


def parent(machine: Machine, name: str = "pod", most: int = 0) -> None:
    """Make a jail that may be above others."""
    sysv = ((each, 1) for each in ("sysvmsg", "sysvsem", "sysvshm"))
    machine.kernel.jail_set(
        (("name", name), ("path", "/"), ("persist", True), ("children.max", most), ("ip4", 2), ("ip6", 2), *sysv), 1
    )


@pytest.mark.parametrize("address", ["10.0.0.1", "fd00::1"])
def test_an_address_that_another_jail_has_by_now_stays(address: str) -> None:
    """Two jails may have the same single address; who ends first does not cut the other off."""
    machine = Machine()
    version = 6 if ":" in address else 4
    field = {"ip6_addr" if version == 6 else "ip4_addr": (address,)}
    held = machine.start(config(FreeBSDJail(interface="lo0", **field)))  # type: ignore[arg-type]
    jid = machine.kernel.jail_set(
        (("name", "other"), ("path", "/"), ("persist", True), (f"ip{version}.addr", (address,))), 1
    )

    machine.runtime.remove(held)
    during = machine.kernel.has_address(address)
    machine.kernel.jail_remove(jid)
    machine.runtime.remove(held)

    assert (during, machine.kernel.has_address(address)) == (True, False)


def test_a_parent_has_room_for_as_many_children_as_before() -> None:
    """Whichever of them ends first."""
    for order in ((0, 1), (1, 0)):
        machine = Machine()
        parent(machine)
        held = []
        for id in ("one", "two"):
            plan = machine.runtime.plan(config(FreeBSDJail(parent="pod")), "/srv/web", id, "/var/run/runj/web")
            undo: list[Undo] = []
            machine.runtime.prepare(plan, undo.append)
            held.append(machine.held()._replace(undo=tuple(undo)))
        assert most_children(machine, "pod") == 2

        for number in order:
            machine.runtime.remove(held[number])

        assert most_children(machine, "pod") == 0


def test_room_that_was_never_made_is_not_taken_back() -> None:
    """We were killed between the word and the deed; the administrator's number stands."""
    machine = Machine()
    parent(machine, most=5)
    told = (Undo("raising", "5 6 pod"),)

    machine.runtime.remove(machine.held()._replace(undo=told))
    assert most_children(machine, "pod") == 5
    machine.kernel.jail_set((("name", "pod"), ("children.max", 6)), 2)
    machine.runtime.remove(machine.held()._replace(undo=told))
    assert most_children(machine, "pod") == 5


def test_a_parent_that_may_have_no_more_than_its_own_parent_is_left_as_it_is() -> None:
    """children.max must be below that of the jail above (EPERM), and does not bind the host."""
    machine = Machine()
    parent(machine, "pod", 1)
    parent(machine, "pod.inner", 0)

    held = machine.start(config(FreeBSDJail(parent="pod.inner")))

    assert machine.kernel.jail_get((("jid", held.jid),), ("name",))["name"] == "pod.inner.web"
    assert most_children(machine, "pod.inner") == 0
    machine.runtime.remove(held)
    assert most_children(machine, "pod.inner") == 0
