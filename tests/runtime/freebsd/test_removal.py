"""Tests of runjd.runtime.freebsd.removal: a jail ends, whoever its processes belong to."""

from __future__ import annotations

import pytest

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.jail import JAIL_CREATE
from runjd.kernel.freebsd.mount import MNT_FORCE
from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.kernel.recorder.state import Interface
from runjd.runtime.contract import Held
from runjd.spec.model import FreeBSDJail, Mount
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import ROOT, Machine

TMP = Mount("/tmp", "tmpfs", "tmpfs")


def kept(machine: Machine, held: Held) -> int:
    """Give the init process to another process, as to a keeper; return its pid."""
    keeper = machine.kernel.fork("keeper")
    machine.kernel.state.processes[held.pid].parent = keeper
    return keeper


def forced(kernel: FreeBSDRecorder) -> list[object]:
    """Return the mounts that were taken by force."""
    return [
        each.arguments[0]
        for each in kernel.journal.calls
        if each.name == "unmount_fsid" and MNT_FORCE in each.arguments
    ]


def test_a_child_of_ours_is_reaped() -> None:
    """Nobody else can, and the jail would be dying as long as we wait."""
    machine = Machine()
    before = machine.snapshot()
    held = machine.start(config(None, TMP))

    machine.runtime.remove(held)

    assert machine.snapshot() == before
    assert machine.kernel.process(held.pid) is None


def test_a_child_of_somebody_else_is_waited_for() -> None:
    """The keeper reaps it when it has time; only then its mounts are not busy."""
    machine = Machine()
    before = machine.snapshot()
    held = machine.start(config(None, TMP))
    kept(machine, held)
    machine.reaps(held.pid)

    machine.runtime.remove(held)

    assert machine.snapshot() == before
    assert forced(machine.kernel) == []


def test_a_process_that_nobody_reaps_is_named() -> None:
    """After ten seconds."""
    machine = Machine()
    held = machine.start(config())
    kept(machine, held)
    before = machine.kernel.state.uptime

    with pytest.raises(RuntimeFailure, match=rf"processes are still there after 10 s: {held.pid}$"):
        machine.runtime.remove(held)

    assert machine.kernel.state.uptime - before >= 10_000_000


def test_a_jail_that_somebody_else_removed_is_waited_for_as_well() -> None:
    """It is dying and has no name to be found by; nothing is taken by force."""
    machine = Machine()
    before = machine.snapshot()
    held = machine.start(config(None, TMP))
    kept(machine, held)
    machine.kernel.jail_remove(held.jid)
    machine.reaps(held.pid)

    machine.runtime.remove(held)

    assert machine.snapshot() == before
    assert forced(machine.kernel) == []


def test_a_dying_jail_that_is_anothers_is_not_waited_for() -> None:
    """After a reboot the jid may be a stranger's."""
    machine = Machine()
    jid = machine.kernel.jail_set((("name", "other"), ("path", "/srv/data"), ("persist", True)), 1)
    stranger = machine.kernel.fork("stranger")
    with machine.kernel.acting_as(stranger):
        machine.kernel.jail_attach(jid)
    machine.kernel.jail_remove(jid)
    machine.runtime.prepare(machine.runtime.plan(config(), "/srv/web", "web", "/var/run/runj/web"), machine.undo.append)
    machine.runtime.remove(machine.held())
    before = machine.kernel.state.uptime

    machine.runtime.remove(machine.held()._replace(jid=jid))

    assert machine.kernel.state.uptime == before


def test_a_descriptor_that_was_made_inside_keeps_the_jail_but_not_us() -> None:
    """Somebody on the host holds it, for as long as they like; no process is left to wait for."""
    machine = Machine()
    held = machine.start(config())
    with machine.kernel.acting_as(held.pid):
        made = machine.kernel.open("/etc", 0)
    file = machine.kernel.state.processes[held.pid].descriptors[made]
    machine.kernel.state.me.descriptors[99] = file

    machine.runtime.remove(held)

    [dying] = machine.kernel.state.prisons
    assert dying.is_dying


def test_a_new_jail_has_the_name_while_the_old_one_is_dying() -> None:
    """It is found by its name, and is not the one that goes."""
    machine = Machine()
    old = machine.start(config())
    kept(machine, old)
    machine.kernel.jail_remove(old.jid)
    machine.undo.clear()

    new = machine.start(config())

    assert new.jid != old.jid
    assert machine.runtime.processes(new) == (new.pid,)
    assert machine.kernel.jail_get((("name", "web"),), ("path",)) == {"path": ROOT, "jid": new.jid}


def test_no_interface_comes_back_beside_another_of_its_name() -> None:
    """The kernel would have two of one name (seen on 13.2); this one comes back when the jail is gone, or is told."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    held = machine.start(config(FreeBSDJail(vnet="new", vnet_interfaces=("epair0b",))))
    other = Interface("epair0b", "epair", 0, 0)
    machine.kernel.state.interfaces.append(other)
    machine.kernel.journal.calls.clear()

    machine.runtime.remove(held)

    assert "reclaim_from_jail" not in machine.kernel.journal.names()


def test_an_interface_that_was_renamed_inside_is_no_hindrance() -> None:
    """It is not found by its name, and comes back by itself."""
    machine = Machine()
    machine.kernel.create_interface("epair")
    held = machine.start(config(FreeBSDJail(vnet="new", vnet_interfaces=("epair0b",))))
    inside = next(each for each in machine.kernel.state.interfaces if each.name == "epair0b")
    inside.name = "eth0"

    machine.runtime.remove(held)

    assert "eth0" in machine.kernel.interface_names()


def test_no_dying_jail_is_ever_touched_by_an_update() -> None:
    """jail_set(2) with JAIL_DYING and persist brings it back to life (seen on 13.2)."""
    machine = Machine()
    held = machine.start(config(None, TMP))
    machine.runtime.remove(held)

    flags = [each.arguments[1] for each in machine.kernel.journal.calls if each.name == "jail_set"]
    assert flags == [JAIL_CREATE]
