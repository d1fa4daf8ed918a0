"""Tests of runjd.runtime.freebsd.rlimits: which limits there are, and which are cut."""

from __future__ import annotations

import pytest

from runjd.errors import Unsupported
from runjd.runtime.freebsd.rlimits import RLIMITS, cut_limits
from runjd.spec.model import Process, Rlimit
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine

MOST = 2**64 - 1


@pytest.mark.parametrize("name", ["MSGQUEUE", "NICE", "RTPRIO", "RTTIME", "SIGPENDING", "LOCKS"])
def test_what_only_linux_limits_is_an_error(name: str) -> None:
    """Also where the plan is made on Linux, whose Python knows the name."""
    machine = Machine()
    process = Process(("sh",), rlimits=(Rlimit("RLIMIT_CORE", 0, 0), Rlimit(f"RLIMIT_{name}", 1, 1)))

    with pytest.raises(Unsupported) as raised:
        machine.prepare(config(process=process))

    assert raised.value.path == "process.rlimits[1].type"


@pytest.mark.parametrize("name", sorted(RLIMITS))
def test_what_freebsd_limits_is_planned(name: str) -> None:
    """Also where the plan is made on Linux, which has other limits."""
    Machine().prepare(config(process=Process(("sh",), rlimits=(Rlimit(name, 1, 1),))))


def test_a_limit_that_the_kernel_will_cut_is_told_and_no_error() -> None:
    """Engines ask for a million of files; who asks for all gets all that there are."""
    machine = Machine()
    process = Process(
        ("sh",),
        rlimits=(
            Rlimit("RLIMIT_NOFILE", 1048576, 1048576),
            Rlimit("RLIMIT_NPROC", MOST, MOST),
            Rlimit("RLIMIT_AS", 9, 9),
        ),
    )

    [notice] = machine.runtime.plan(config(process=process), "/srv/web", "web", "/var/run/runj/web").notices

    assert notice == (
        "web: process.rlimits[0]: RLIMIT_NOFILE is cut to 58491, the most that the system allows (kern.maxfilesperproc)"
    )
    assert machine.runtime.notices(Process(("sh",))) == ()


def test_a_kernel_that_does_not_tell_its_most_is_believed() -> None:
    """There is nothing to compare with."""
    machine = Machine()
    machine.kernel.state.numbers.pop("kern.maxfilesperproc")

    assert list(cut_limits(machine.kernel, Process(("sh",), rlimits=(Rlimit("RLIMIT_NOFILE", 9, 1 << 40),)))) == []
