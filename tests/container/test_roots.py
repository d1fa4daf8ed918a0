"""Tests for :mod:`runjd.container.roots`."""

from __future__ import annotations

import os
import signal

import pytest

from runjd.container.stdio import Fifos
from runjd.errors import RunjdError
from tests.container.jails import Jails, wait

pytestmark = pytest.mark.root


@pytest.fixture
def linux(private_dir: str):  # type: ignore[no-untyped-def]
    """Return containers in namespaces."""
    made = Jails(private_dir, "linux")
    yield made
    made.finish()


def _bare(jails: Jails, args: list[str]) -> str:
    """Return a bundle whose root has none of the mount points."""
    bundle = jails.bundle(args)
    for name in ("proc", "dev", "sys"):
        os.rmdir(f"{bundle}/rootfs/{name}")
    return bundle


def _start(jails: Jails, id: str, bundle: str) -> int:
    io = jails.keep(Fifos("init", stdin=False))
    return jails.operations.create(id, bundle, io, runtime="linux", start=True).pid


def test_deleting_one_jail_leaves_the_mounts_of_another_on_the_same_root(linux: Jails) -> None:
    """A mount point goes with the last jail that uses the root, whoever made it."""
    bundle = _bare(linux, ["sleep", "100"])
    first = _start(linux, "first", bundle)
    second = _start(linux, "second", bundle)

    linux.operations.kill("first", signal.SIGKILL)
    wait(first)
    linux.operations.delete("first")

    with open(f"/proc/{second}/mountinfo") as file:
        mounted = [line.split()[4] for line in file]
    assert {"/proc", "/dev", "/sys"} <= set(mounted)

    linux.operations.kill("second", signal.SIGKILL)
    wait(second)
    linux.operations.delete("second")

    assert not {"proc", "dev", "sys"} & set(os.listdir(f"{bundle}/rootfs"))


def test_a_failed_create_leaves_the_mounts_of_another_on_the_same_root(linux: Jails) -> None:
    """What a failing create made is not taken from under a jail that found it."""
    good = _bare(linux, ["sleep", "100"])
    config = linux.config(["sleep", "1"])
    config["root"] = {"path": f"{good}/rootfs"}
    assert isinstance(config["mounts"], list)
    config["mounts"].append({"destination": "/data", "type": "bind", "source": "/nonexistent", "options": ["bind"]})
    bad = linux.write(config)
    running = _start(linux, "good", good)

    with pytest.raises(RunjdError, match="there is no /nonexistent on the host"):
        _start(linux, "bad", bad)

    with open(f"/proc/{running}/mountinfo") as file:
        assert {"/proc", "/dev", "/sys"} <= {line.split()[4] for line in file}


def test_jails_on_one_root_can_be_made_at_the_same_time(linux: Jails) -> None:
    """Each finds the mount points, or makes them, and none fails."""
    bundle = _bare(linux, ["true"])
    children = []
    for number in range(8):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                io = Fifos("init", stdin=False)
                state = linux.operations.create(f"j{number}", bundle, io, runtime="linux", start=True)
                os.waitpid(state.pid, 0)
                linux.operations.delete(f"j{number}")
                status = 0
            finally:
                os._exit(status)
        children.append(pid)

    assert [wait(pid) for pid in children] == [0] * 8
