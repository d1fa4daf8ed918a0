"""The meter of FreeBSD, on a kernel in memory."""

from __future__ import annotations

import errno
import os

import pytest

from runjd.policy.usage import Usage
from runjd.runtime.contract import Held
from runjd.runtime.meters.freebsd import FreeBSDMeter
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine

_PAGE = os.sysconf("SC_PAGE_SIZE")


@pytest.fixture
def running() -> tuple[Machine, Held]:
    """Return a machine with a jail that runs and has used something."""
    machine = Machine()
    held = machine.start(config())
    process = machine.kernel.state.processes[held.pid]
    process.cpu, process.resident = 1.25, 3
    return machine, held


def test_accounting_tells_memory_and_the_number_of_processes(running: tuple[Machine, Held]) -> None:
    """Its time is in whole seconds, so that is the sum over the processes."""
    machine, held = running
    machine.kernel.state.usage["jail:web"] = {"cputime": 1, "memoryuse": 5 << 20, "maxproc": 2}

    found = FreeBSDMeter(machine.kernel, {"web": held}.get).measure({"web": held.pid})

    assert found == {"web": Usage(1.25, 5 << 20, 2)}


def test_without_accounting_processes_are_counted(running: tuple[Machine, Held]) -> None:
    """By the jail that they are in."""
    machine, held = running
    machine.kernel.journal.refuse("rctl_get_racct", OSError(errno.ENOSYS, "Function not implemented"))

    found = FreeBSDMeter(machine.kernel, {"web": held}.get).measure({"web": held.pid})

    assert found == {"web": Usage(1.25, 3 * _PAGE, 1)}


def test_a_jail_of_no_jid_is_a_family(running: tuple[Machine, Held]) -> None:
    """The plain runtime makes none; who descends from its first process is its."""
    machine, held = running
    state = machine.kernel.state
    me = state.me
    me.cpu, me.resident = 2.0, 1
    plain = Held("plain", me.pid, me.start_time, held.boot_id, "")

    found = FreeBSDMeter(machine.kernel, {"web": held, "plain": plain}.get).measure({"web": held.pid, "plain": me.pid})

    assert found["plain"].cpu == 2.0
    assert found["web"].cpu == 1.25


def test_who_is_gone_is_left_out(running: tuple[Machine, Held]) -> None:
    """Another process has its pid, or nothing is on record of it."""
    machine, held = running
    other = held._replace(start_time=held.start_time + 1)

    meter = FreeBSDMeter(machine.kernel, {"web": other}.get)

    assert meter.measure({"web": held.pid, "none": 7}) == {}
    assert meter.ran_out("web") is None
