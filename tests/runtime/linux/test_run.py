"""Steps are carried out in order through the kernel object, and errors name them."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest

from runjd.errors import LimitReached, NoSpace, RunjdError, RuntimeFailure
from runjd.runtime.contract import Undo
from runjd.runtime.linux.plan import make_plan
from runjd.runtime.linux.run import Runner
from runjd.runtime.linux.steps import BringUp, CheckRoot, SetHostname
from runjd.spec.model import LinuxDevice
from tests.runtime.driver import config


class Recorder:
    """A kernel that notes each call; ``fails`` maps names to the errno that they raise."""

    def __init__(self, **fails: int) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self._fails = fails
        self._next = 10

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **names: Any) -> Any:
            self.calls.append((name, *arguments, *names.values()))
            if name in self._fails:
                raise OSError(self._fails[name], os.strerror(self._fails[name]))
            if name in ("stat", "fstat"):
                return os.stat("/")
            if name == "readlink":
                return "/bundle/rootfs/dev" if names or self._next % 2 else "/bundle/rootfs"
            self._next += 1
            return self._next

        return call

    def named(self, *names: str) -> list[tuple[Any, ...]]:
        """Return the calls of these names."""
        return [call for call in self.calls if call[0] in names]


def carry_out(kernel: Any, steps: Any, undo: list[Undo] | None = None) -> None:
    Runner(kernel, ([] if undo is None else undo).append).run(steps)


def test_steps_go_through_the_kernel_in_order() -> None:
    """A whole plan asks the kernel for everything, and pivots last."""
    kernel = Recorder()

    carry_out(kernel, make_plan(config(), "/bundle", "web").jail_steps)

    assert kernel.calls[0] == ("set_hostname", "testjail")
    assert kernel.named("mount")[0][2] == "/"
    assert [call[3] for call in kernel.named("mount")[1:]] == ["proc", "tmpfs", "devpts", "tmpfs", "sysfs"]
    assert [call[0] for call in kernel.calls[-5:]] == ["chdir", "pivot_root", "unmount", "chdir", "close"]


def test_every_descriptor_is_closed() -> None:
    """What was opened is closed by the end."""
    kernel = Recorder()
    opened = ("open_beneath", "open_in_root", "copy_tree", "copy_tree_at", "open")

    carry_out(kernel, make_plan(config(linux={"masked_paths": ("/a",)}), "/bundle", "web").jail_steps)

    assert len(kernel.named(*opened)) == len(kernel.named("close"))


def test_what_outlasts_the_jail_is_told() -> None:
    """What is made on the file system of the root is told as it is made."""
    undo: list[Undo] = []
    kernel = Recorder()

    carry_out(kernel, make_plan(config(), "/bundle", "web").jail_steps, undo)

    made = [each.target.rpartition("/")[2] for each in undo]
    assert {"null", "fd"} <= set(made)


def test_nothing_follows_a_failure() -> None:
    """The first step that fails is the last that was tried."""
    kernel = Recorder(set_hostname=errno.EPERM)

    with pytest.raises(RuntimeFailure) as caught:
        carry_out(kernel, (SetHostname("web"), BringUp("lo")))

    assert kernel.calls == [("set_hostname", "web")]
    assert (caught.value.step, caught.value.path, caught.value.errno) == ("set hostname web", "hostname", errno.EPERM)


@pytest.mark.parametrize(
    ("number", "kind", "code"),
    [
        (errno.ENOSPC, NoSpace, "NOSPACE"),
        (errno.EMFILE, LimitReached, "LIMIT"),
        (errno.EACCES, RuntimeFailure, "OCI"),
    ],
)
def test_errors_have_their_class(number: int, kind: type[RunjdError], code: str) -> None:
    """A full disk and a used-up limit can be told from other failures."""
    with pytest.raises(kind) as caught:
        carry_out(Recorder(open=number), (CheckRoot("/r"),))

    assert caught.value.code == code
    assert caught.value.details["step"] == "open the root /r"


def test_host_device_is_bound_where_none_can_be_made() -> None:
    """Where mknod is refused the host's node is bound, if it is that device."""
    plan = make_plan(config(linux={"devices": (LinuxDevice("c", "/dev/fuse", 10, 229),)}), "/bundle", "web")
    kernel = Recorder(mknod=errno.EPERM)

    with pytest.raises(RuntimeFailure, match="no such device to bind"):
        carry_out(kernel, plan.jail_steps)

    assert ("copy_tree", "/dev/null", False) in kernel.calls
