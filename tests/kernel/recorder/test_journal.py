"""A kernel in memory writes down what is asked of it, and fails where it is told to."""

from __future__ import annotations

import errno
import inspect
import os

import pytest

from runjd.kernel.freebsd.jail import JAIL_CREATE
from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.kernel.recorder.journal import Call, Killed
from runjd.kernel.recorder.kernel import FreeBSDRecorder, system_calls

WEB = (("name", "web"), ("persist", True))


@pytest.mark.parametrize("name", system_calls())
def test_it_has_the_calls_of_the_real_kernel(name: str) -> None:
    """Each method of the real kernel's object is there, carried out in memory."""
    real, ours = getattr(FreeBSDKernel, name), getattr(FreeBSDRecorder(), name)

    assert ours is not real
    assert inspect.isfunction(ours)


def test_calls_are_written_down_in_order() -> None:
    """The journal has name and arguments of every call, also of one that fails."""
    kernel = FreeBSDRecorder()
    kernel.jail_set(WEB, JAIL_CREATE)
    with pytest.raises(OSError, match="already exists"):
        kernel.jail_set(list(WEB), JAIL_CREATE)
    kernel.mkdir("/x", 0o700, dir_fd=None)

    assert kernel.journal.calls == [
        Call("jail_set", (WEB, JAIL_CREATE)),
        Call("jail_set", (WEB, JAIL_CREATE)),
        Call("mkdir", ("/x", 0o700), (("dir_fd", None),)),
    ]


def test_a_call_fails_where_it_is_told_to() -> None:
    """A fault takes the place of the call; the next one goes on."""
    kernel = FreeBSDRecorder()
    kernel.journal.fail(2, OSError(errno.ENOMEM, "no memory"))
    kernel.mkdir("/a")
    with pytest.raises(OSError, match="no memory"):
        kernel.mkdir("/b")
    kernel.mkdir("/c")

    assert kernel.listdir("/") == ["a", "c"]


def test_a_name_fails_whenever_it_is_called() -> None:
    """A refusal stays until the end."""
    kernel = FreeBSDRecorder()
    kernel.journal.refuse("mkdir", OSError(errno.EROFS, "read-only"))

    for _ in range(2):
        with pytest.raises(OSError, match="read-only"):
            kernel.mkdir("/a")


def test_being_killed_is_no_error_that_is_cleaned_up_after() -> None:
    """It passes every `except Exception`, as nothing runs in a process that was killed."""
    kernel = FreeBSDRecorder()
    kernel.journal.kill(1)

    assert not issubclass(Killed, Exception)
    with pytest.raises(Killed):
        kernel.mkdir("/a")


def test_what_was_open_is_closed_when_we_are_killed() -> None:
    """No call that cleans up succeeds; whoever goes on is a new process, and what the old one kept busy is free."""
    kernel = FreeBSDRecorder()
    kernel.make_tree("/mnt")
    kernel.nmount([("fstype", "tmpfs"), ("fspath", "/mnt")])
    before, descriptor = kernel.getpid(), kernel.open("/mnt", os.O_RDONLY)
    kernel.journal.kill(len(kernel.journal.calls) + 1)
    for _ in range(2):
        with pytest.raises(Killed):
            kernel.unmount("/mnt")
    kernel.restart()
    kernel.unmount("/mnt")

    assert kernel.process(before) is None
    with pytest.raises(OSError, match="Bad file descriptor"):
        kernel.fstat(descriptor)


def test_after_a_reboot_only_files_are_left() -> None:
    """Jails, mounts, rules and processes are gone, what is on the disk is not."""
    kernel = FreeBSDRecorder()
    kernel.make_tree("/jails/web")
    kernel.jail_set([*WEB, ("path", "/jails/web")], JAIL_CREATE)
    kernel.nmount([("fstype", "tmpfs"), ("fspath", "/jails/web")])
    kernel.rctl_add_rule("jail:web:maxproc:deny=9")
    kernel.reboot()

    assert kernel.listdir("/jails") == ["web"]
    assert [mount.target for mount in kernel.getfsstat()] == ["/"]
    assert kernel.rctl_get_rules("jail:web") == ""
    with pytest.raises(FileNotFoundError):
        kernel.jail_get([("name", "web")])
