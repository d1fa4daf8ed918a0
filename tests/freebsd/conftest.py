"""
The suite for FreeBSD: plain pytest, nothing from elsewhere.

Each test runs on a machine in memory; on FreeBSD, as root, on the real kernel, too:
``python3 -m pytest tests/freebsd``.  A test must not leave a mount, a jail, a rule or
an interface behind.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_DYING
from tests.freebsd.containers import Containers
from tests.freebsd.machines import MemoryMachine, RealMachine

Machine = RealMachine | MemoryMachine
_REAL = pytest.param(RealMachine, id="kernel", marks=(pytest.mark.freebsd, pytest.mark.root))
_MEMORY = pytest.param(MemoryMachine, id="memory")
_MEMORY_15 = pytest.param(lambda: MemoryMachine("15.0-RELEASE"), id="memory15")


@pytest.fixture(params=[_MEMORY, _MEMORY_15, _REAL])
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    """Return a machine, and see that the test leaves it as it was."""
    made: Machine = request.param()
    before = _things(made)

    yield made

    assert _settled(made, before) == before


@pytest.fixture
def directory(machine: Machine) -> Iterator[str]:
    """Return a new directory of the machine; what the test mounts there it takes away."""
    path = machine.directory()

    yield path

    machine.remove(path)


@pytest.fixture
def jail(machine: Machine, directory: str) -> Iterator[Callable[..., int]]:
    """Return a function that makes a jail of the directory, with more parameters, and returns its jid."""
    made: list[int] = []

    def make(**parameters: Any) -> int:
        given = {"name": f"runjd-test-{os.getpid()}-{len(made)}", "path": directory, "persist": True, **parameters}
        named = [(name.replace("__", "."), value) for name, value in given.items()]
        made.append(machine.kernel.jail_set(named, JAIL_CREATE))
        return made[-1]

    yield make

    for jid in made:
        try:
            machine.kernel.jail_remove(jid)
        except OSError:
            continue  # the test did


def _settled(machine: Machine, wanted: object) -> dict[str, object]:
    """Return what there is once it is what is wanted, or after a while: a kernel ends jails when it has time."""
    deadline = time.monotonic() + (10 if machine.is_real else 0)
    while (found := _things(machine)) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def _things(machine: Machine) -> dict[str, object]:
    kernel = machine.kernel
    return {
        "mounts": sorted(mount.target for mount in kernel.getfsstat()),
        "jails": _jids(kernel),
        "interfaces": sorted(kernel.interface_names()),
    }


def _jids(kernel: Any) -> list[int]:
    found: list[int] = []
    while True:
        try:
            found.append(int(kernel.jail_get([("lastjid", found[-1] if found else 0)], (), JAIL_DYING)["jid"]))
        except FileNotFoundError:
            return found


@pytest.fixture(
    params=[
        pytest.param("freebsd", marks=(pytest.mark.freebsd, pytest.mark.root)),
        pytest.param("linux", marks=(pytest.mark.linux, pytest.mark.root)),
    ]
)
def containers(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Containers]:
    """Return the runj program with containers of this system, and see that the test leaves nothing of them."""
    kernel = RealMachine() if request.param == "freebsd" else None
    before = _things(kernel) if kernel else None
    made = Containers(private_dir, request.param)

    yield made

    made.finish()
    if kernel:
        after = _settled(kernel, before)
        kernel.unmount_below(private_dir)  # or the directory could not be removed
        assert after == before
