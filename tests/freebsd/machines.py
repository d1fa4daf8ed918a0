"""
Two machines that the same tests run on: this one, if it is a FreeBSD, and one in memory.

What a test asks is so asked of both, and where they differ one of them is wrong.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.kernel.freebsd.mount import MNT_FORCE
from runjd.kernel.recorder.kernel import FreeBSDRecorder


class RealMachine:
    """The machine that we are on."""

    is_real = True

    def __init__(self) -> None:
        self.kernel = FreeBSDKernel()

    def directory(self) -> str:
        """Return a new directory."""
        return tempfile.mkdtemp(prefix="runjd-", dir="/tmp")

    def remove(self, directory: str) -> None:
        """Remove a directory and what is left in it; a mount that a failed test left there goes first."""
        self.unmount_below(directory)
        for path, folders, files in os.walk(directory, topdown=False):
            for name in files:
                os.unlink(os.path.join(path, name))
            for name in folders:
                os.rmdir(os.path.join(path, name))
        os.rmdir(directory)

    def unmount_below(self, directory: str) -> None:
        """Take away what is mounted in a directory."""
        below = os.path.realpath(directory)
        for mount in reversed(self.kernel.getfsstat()):
            if mount.target == below or mount.target.startswith(below + "/"):
                self.kernel.unmount_fsid(mount.fsid, MNT_FORCE)

    def make_file(self, path: str) -> None:
        """Make an empty file."""
        with open(path, "x"):
            pass

    def ask(self, work: Callable[[], Any], jid: int = 0) -> Any:
        """Return what a function says in a child of ours, in a jail if one is named; it must be a plain value."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                _close_directories()
                if jid:
                    self.kernel.jail_attach(jid)
                os.write(write, repr(work()).encode())
                status = 0
            except BaseException as error:
                os.write(write, f"raise {error!r}".encode())
            finally:
                os._exit(status)
        os.close(write)
        said = b""
        while part := os.read(read, 65536):
            said += part
        os.close(read)
        os.waitpid(pid, 0)
        assert not said.startswith(b"raise "), said.decode()
        return eval(said.decode(), {})  # our own words

    def start(self, jid: int = 0, prepare: Callable[[], object] | None = None) -> int:
        """Return the pid of a child that waits for signals, in a jail if one is named."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                _close_directories()
                if jid:
                    self.kernel.jail_attach(jid)
                if prepare is not None:
                    prepare()
                os.write(write, b"x")
                os.close(write)
                while True:
                    signal.pause()
            finally:
                os._exit(1)
        os.close(write)
        ready = os.read(read, 1)
        os.close(read)
        if not ready:
            os.waitpid(pid, 0)
        assert ready, "the child could not be prepared"
        return pid

    def start_program(self) -> tuple[int, Callable[[], None]]:
        """Return the pid of a child, and what lets it become another program, which runs until it is killed."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(write)
                os.read(read, 1)
                os.execv("/bin/sleep", ["sleep", "1000"])
            finally:
                os._exit(1)
        os.close(read)

        def go() -> None:
            os.close(write)

        return pid, go

    def wait(self, pid: int) -> int:
        """Return the status that a child of ours ends with, and reap it."""
        return os.waitpid(pid, 0)[1]

    def is_zombie(self, pid: int) -> bool:
        """Wait until a child of ours has ended; it is not reaped."""
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return True

    def own_pid(self) -> int:
        """Return our pid."""
        return os.getpid()

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int]:
        """Have a directory open."""
        descriptor = self.kernel.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield descriptor
        finally:
            self.kernel.close(descriptor)


class MemoryMachine:
    """A machine in memory."""

    is_real = False

    def __init__(self, release: str = "13.2-RELEASE") -> None:
        self.recorder = FreeBSDRecorder(release)
        self.kernel: FreeBSDKernel = self.recorder
        self._count = 0

    def directory(self) -> str:
        self._count += 1
        path = f"/tmp/runjd-{self._count}"
        self.recorder.make_tree(path)
        return path

    def remove(self, directory: str) -> None:
        for name in self.kernel.listdir(directory):
            path = f"{directory}/{name}"
            if stat.S_ISDIR(self.kernel.stat(path).st_mode):
                self.remove(path)
            else:
                self.kernel.unlink(path)
        self.kernel.rmdir(directory)

    def make_file(self, path: str) -> None:
        self.recorder.make_file(path)

    def ask(self, work: Callable[[], Any], jid: int = 0) -> Any:
        child = self.recorder.fork()
        try:
            with self.recorder.acting_as(child):
                if jid:
                    self.kernel.jail_attach(jid)
                return work()
        finally:
            self.recorder.exit(child)
            self.recorder.reap(child)

    def start(self, jid: int = 0, prepare: Callable[[], object] | None = None) -> int:
        child = self.recorder.fork()
        with self.recorder.acting_as(child):
            if jid:
                self.kernel.jail_attach(jid)
            if prepare is not None:
                prepare()
        return child

    def start_program(self) -> tuple[int, Callable[[], None]]:
        pid = self.recorder.fork()
        return pid, lambda: self.recorder.exec(pid, "sleep")

    def wait(self, pid: int) -> int:
        return self.recorder.reap(pid)

    def is_zombie(self, pid: int) -> bool:
        found = self.kernel.process(pid)
        return found is not None and not found.alive

    def own_pid(self) -> int:
        return self.recorder.state.me.pid

    @contextlib.contextmanager
    def opened(self, path: str) -> Iterator[int]:
        descriptor = self.kernel.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            yield descriptor
        finally:
            self.kernel.close(descriptor)


def is_freebsd() -> bool:
    """Whether this machine is one."""
    return sys.platform.startswith("freebsd")


def _close_directories() -> None:
    """Close what would keep us out of a jail."""
    for descriptor in range(3, 256):
        try:
            if stat.S_ISDIR(os.fstat(descriptor).st_mode):
                os.close(descriptor)
        except OSError:
            continue
