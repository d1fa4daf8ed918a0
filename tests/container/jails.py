"""Real containers for tests: bundles, standard streams, and an end that leaves nothing."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Mapping, Sequence

from runjd.container.operations import Operations
from runjd.container.state import State
from runjd.container.stdio import Fifos, Io
from runjd.runtime.choose import RUNTIMES
from runjd.runtime.contract import Runtime
from runjd.spec.example import minimal_config, plain_config
from tests.leftovers import own_children

#: seconds; nothing here takes a tenth of it
PATIENCE = 5.0

_FOLDERS = ("bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr/bin")


class Jails:
    """
    Containers below one directory.

    :param directory: private, absolute.
    :param runtime: the runtime to use where a test does not say.
    """

    def __init__(self, directory: str, runtime: str, runtimes: Mapping[str, Callable[[], Runtime]] = RUNTIMES) -> None:
        self.directory = directory
        self.runtime = runtime
        self.state_dir = f"{directory}/state"
        self.operations = Operations(self.state_dir, runtimes, time.time)
        self._open: list[Io] = []
        self._bundles = 0
        self._children = own_children()

    def bundle(self, args: Sequence[str], *, process: Mapping[str, object] | None = None, **options: object) -> str:
        """Return a new bundle; ``process`` overrides properties, ``options`` are those of the example."""
        config = self.config(args, **options)
        if process:
            assert isinstance(config["process"], dict)
            config["process"].update(process)
        return self.write(config)

    def config(self, args: Sequence[str], **options: object) -> dict[str, object]:
        """Return a configuration that suits the runtime."""
        make = minimal_config if self.runtime == "linux" else plain_config
        return make(args, **options)  # type: ignore[arg-type]

    def write(self, config: object) -> str:
        """Return a new bundle of that configuration; for namespaces it holds a busybox."""
        self._bundles += 1
        path = f"{self.directory}/bundle{self._bundles}"
        os.mkdir(path)
        with open(f"{path}/config.json", "w") as file:
            json.dump(config, file)
        if self.runtime == "linux":
            make_root(f"{path}/rootfs")
        return path

    def create(
        self, id: str, args: Sequence[str], *, io: Io | None = None, start: bool = False, **options: object
    ) -> State:
        """Create a container, with FIFOs where the test gives nothing else."""
        return self.operations.create(
            id,
            self.bundle(args, **options),
            self.keep(io or Fifos("init", stdin=False)),
            runtime=self.runtime,
            start=start,
        )

    def run(self, args: Sequence[str], **options: object) -> tuple[int, str, str]:
        """Create, start, wait, delete; return the wait status, and what was written to stdout and stderr."""
        io = Fifos("init", stdin=False)
        state = self.create("once", args, io=io, start=True, **options)
        status = wait(state.pid)
        written = read_all(io.held["out"]), read_all(io.held["err"])
        self.operations.delete("once")
        self._close(io)
        return status, *written

    def keep(self, io: Io) -> Io:
        """Close the streams at the end of the test."""
        self._open.append(io)
        return io

    def finish(self) -> None:
        """Kill and reap all children, delete all containers, close all streams."""
        for each in own_children() - self._children:
            os.kill(each, signal.SIGKILL)
            os.waitpid(each, 0)
        if os.path.isdir(self.state_dir):
            for each in os.listdir(self.state_dir):
                if not each.startswith("."):
                    self.operations.delete(each, force=True)
        for io in self._open:
            self._close(io)

    def _close(self, io: Io) -> None:
        if isinstance(io, Fifos):
            for fd in io.held.values():
                os.close(fd)
            io.held.clear()


def make_root(path: str) -> None:
    """Make a root file system of a static busybox."""
    for each in _FOLDERS:
        os.makedirs(f"{path}/{each}")
    os.chmod(f"{path}/tmp", 0o1777)
    shutil.copy(_busybox(), f"{path}/bin/busybox")
    for name in (
        "sh",
        "cat",
        "id",
        "ls",
        "sleep",
        "true",
        "grep",
        "env",
        "pwd",
        "readlink",
        "su",
        "tty",
        "stty",
        "kill",
    ):
        os.symlink("busybox", f"{path}/bin/{name}")
    with open(f"{path}/etc/passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n")


def wait(pid: int) -> int:
    """Return how a child ended, as os.waitstatus_to_exitcode tells."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until the condition is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.002)


def read_all(fd: int) -> str:
    """Return what is to be read now."""
    found = b""
    while True:
        try:
            part = os.read(fd, 1 << 16)
        except BlockingIOError:
            break
        if not part:
            break
        found += part
    return found.decode()


def read_until(fd: int, wanted: str) -> str:
    """Read until the text appeared; return all that was read."""
    deadline = time.monotonic() + PATIENCE
    found = b""
    while wanted.encode() not in found:
        left = deadline - time.monotonic()
        assert left > 0, f"only {found!r} was written, not {wanted!r}"
        if select.select([fd], [], [], left)[0]:
            found += os.read(fd, 1 << 16)
    return found.decode()


def _busybox() -> str:
    found = shutil.which("busybox")
    assert found, "the tests of namespaces need a static busybox (Debian: busybox-static)"
    return found
