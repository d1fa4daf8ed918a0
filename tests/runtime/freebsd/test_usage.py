"""Tests of statistics and of limits that change, on a kernel in memory."""

from __future__ import annotations

import errno

import pytest

from runjd.errors import RuntimeFailure, Unsupported, WrongState
from runjd.spec.parse_resources import parse_resources
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine


def test_what_the_kernel_counts_is_told_in_runcs_form() -> None:
    """With the limits that there are, but for those that only log."""
    machine = Machine()
    held = machine.start(config(resources={"pids": {"limit": 9}}, annotations=(("org.runjd.rctl.openfiles", "log=5"),)))
    machine.kernel.state.usage["jail:web"] = {"cputime": 3, "memoryuse": 4096, "maxproc": 2}

    found = machine.runtime.usage(held)

    assert found["cpu"] == {"usage": {"total": 3_000_000_000, "kernel": 0, "user": 0}, "throttling": {}}
    assert found["memory"] == {"usage": {"usage": 4096}, "swap": {"usage": 0}}
    assert found["pids"] == {"current": 2, "limit": 9}
    assert isinstance(found["racct"], dict)
    assert found["racct"]["openfiles"] == 0


def test_a_kernel_without_accounting_measures_nothing() -> None:
    """And says what to do."""
    machine = Machine()
    held = machine.start(config())
    machine.kernel.journal.refuse("rctl_get_racct", OSError(errno.ENOSYS, "Function not implemented"))

    with pytest.raises(Unsupported, match="kern.racct.enable"):
        machine.runtime.usage(held)


def test_limits_change_while_the_jail_runs() -> None:
    """One is replaced, one taken away, one new; those of annotations stay; all go with the jail."""
    machine = Machine()
    before = machine.snapshot()
    held = machine.start(
        config(
            resources={"pids": {"limit": 9}, "memory": {"limit": 1 << 20}},
            annotations=(("org.runjd.rctl.openfiles", "deny=50"),),
        )
    )

    asked = parse_resources({"pids": {"limit": 20}, "cpu": {"quota": 50000, "cpus": "1"}})
    machine.runtime.update(held, asked, machine.undo.append)

    assert sorted(machine.kernel.rctl_get_rules("jail:web").split(",")) == [
        "jail:web:maxproc:deny=20",
        "jail:web:openfiles:deny=50",
        "jail:web:pcpu:deny=50",
    ]
    assert machine.kernel.jail_affinity(held.jid) == (1,)
    machine.reaps(held.pid)
    machine.runtime.remove(machine.held(held.pid))
    assert machine.snapshot() == before


def test_a_change_that_fails_leaves_all_limits_as_they_were() -> None:
    """Processors that the host has not."""
    machine = Machine()
    held = machine.start(config(resources={"pids": {"limit": 9}}))

    with pytest.raises(RuntimeFailure, match=r"linux\.resources\.cpu\.cpus"):
        machine.runtime.update(
            held, parse_resources({"memory": {"limit": 4096}, "cpu": {"cpus": "7"}}), machine.undo.append
        )

    assert machine.kernel.rctl_get_rules("jail:web") == "jail:web:maxproc:deny=9"


def test_a_jail_that_is_gone_has_no_limits_to_change() -> None:
    """Nor is a stranger's of that name touched."""
    machine = Machine()
    held = machine.start(config())
    machine.reaps(held.pid)
    machine.runtime.remove(held)

    with pytest.raises(WrongState, match="is gone"):
        machine.runtime.update(held, parse_resources({"pids": {"limit": 1}}), machine.undo.append)
