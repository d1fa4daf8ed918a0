"""Containers in control groups: what is left of one whose creator was killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from glob import glob

import pytest

from runjd.container.operations import Operations
from runjd.container.stdio import Fifos
from runjd.kernel.linux import LinuxKernel
from runjd.runtime.contract import Plan, Undo
from runjd.runtime.linux.cgroup.files import read_host
from runjd.runtime.linux.runtime import LinuxRuntime
from tests.container.jails import Jails, until, wait

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(not os.path.exists("/sys/fs/cgroup"), reason="this host has no control groups"),
]

TOP = f"runjd-killed-{os.getpid()}"


class Deadly(LinuxRuntime):
    """A runtime whose creator is killed: when it has told of the groups (``told``), made them, or forked."""

    def __init__(self, moment: str) -> None:
        super().__init__()
        self._moment = moment

    def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
        def tell(undo: Undo) -> None:
            made(undo)
            if self._moment == "told" and undo.action == "cgroup":
                os.kill(os.getpid(), signal.SIGKILL)

        super().prepare(plan, tell)
        if self._moment == "made":
            os.kill(os.getpid(), signal.SIGKILL)

    def fork(self, plan: Plan) -> int:
        pid = super().fork(plan)
        if pid and self._moment == "forked":
            os.kill(os.getpid(), signal.SIGKILL)
        return pid


@pytest.mark.parametrize("moment", ["told", "made", "forked"])
def test_groups_of_a_killed_creator_are_deleted(private_dir: str, moment: str) -> None:
    """Whenever it is killed, delete finds what it has made."""
    if not read_host(LinuxKernel()).hierarchies:
        pytest.skip("this host has no control groups mounted")
    jails = Jails(private_dir, "linux")
    config = jails.config(["sleep", "60"])
    assert isinstance(config["linux"], dict)
    config["linux"] |= {"cgroupsPath": f"/{TOP}/a/web"}
    bundle = jails.write(config)
    operations = Operations(jails.state_dir, {"linux": lambda: Deadly(moment)}, lambda: 1.0)
    creator = os.fork()
    if creator == 0:
        try:
            operations.create("web", bundle, Fifos("init", stdin=False), runtime="linux")
        finally:
            os._exit(0)
    assert wait(creator) == -signal.SIGKILL
    assert bool(glob(f"/sys/fs/cgroup/**/{TOP}", recursive=True)) is (moment != "told")

    until(lambda: [each.status for each in jails.operations.list()] == ["stopped"], "it counts as stopped")
    jails.operations.delete("web", force=True)

    until(lambda: glob(f"/sys/fs/cgroup/**/{TOP}", recursive=True) == [], "no group is left")
    jails.finish()
