"""
The least that a caller of a runtime must do, for tests of runtimes: fork, enter, become, execve.

The child reports what it made and what failed as lines of JSON on a pipe, then
waits for a byte before it executes its program.
"""

from __future__ import annotations

import json
import os
import select
import stat
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from runjd.errors import RunjdError, from_record
from runjd.kernel import process as processes
from runjd.kernel.closing import close_others
from runjd.runtime.contract import Held, Runtime, Undo
from runjd.spec.model import Capabilities, Config, Linux, Mount, Namespace, Process, Root

BUSYBOX = "/usr/bin/busybox"
PATIENCE_MS = 5000

STANDARD_MOUNTS = (
    Mount("/proc", "proc", "proc", ("nosuid", "noexec", "nodev")),
    Mount("/dev", "tmpfs", "tmpfs", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    Mount("/dev/pts", "devpts", "devpts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
    Mount("/dev/shm", "tmpfs", "shm", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    Mount("/sys", "sysfs", "sysfs", ("nosuid", "noexec", "nodev", "ro")),
)
STANDARD_NAMESPACES = tuple(Namespace(each) for each in ("pid", "network", "ipc", "uts", "mount", "cgroup"))
KEPT = ("CAP_KILL", "CAP_NET_BIND_SERVICE")


def make_root(path: str) -> str:
    """Make a root with a static busybox and return its path."""
    for name in ("bin", "proc", "sys", "dev", "tmp", "etc"):
        os.makedirs(os.path.join(path, name), exist_ok=True)
    if not os.path.exists(os.path.join(path, "bin/busybox")):
        os.link(BUSYBOX, os.path.join(path, "bin/busybox")) if _same_device(path) else _copy(path)
        os.symlink("busybox", os.path.join(path, "bin/sh"))
    return path


def shell(script: str, **changes: Any) -> Process:
    """Return a process that runs a script with /bin/sh."""
    known: dict[str, Any] = {
        "args": ("/bin/sh", "-c", script),
        "env": ("PATH=/bin:/usr/bin",),
        "capabilities": Capabilities(KEPT, KEPT, (), KEPT, ()),
    }
    return Process(**(known | changes))


def config(script: str = "exit 0", **changes: Any) -> Config:
    """Return a usual configuration that runs a script; ``linux`` and ``process`` can be dicts of changes."""
    linux = changes.pop("linux", {})
    known: dict[str, Any] = {
        "oci_version": "1.2.0",
        "root": Root("rootfs"),
        "process": shell(script, **changes.pop("process", {})),
        "hostname": "testjail",
        "mounts": STANDARD_MOUNTS,
        "linux": Linux(**({"namespaces": STANDARD_NAMESPACES} | linux)),
    }
    return Config(**(known | changes))


def bare_config(script: str = "exit 0", **changes: Any) -> Config:
    """Return one that needs no isolation."""
    return config(script, **({"hostname": "", "mounts": ()} | changes))


class Child(NamedTuple):
    """A process that waits for its start; ``output`` is what it writes."""

    pid: int
    output: int
    gate: int


class Driver:
    """Runs jails by one runtime; ``undo`` is what each jail told."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        #: what was in each root before the first jail
        self.roots: dict[str, dict[str, int]] = {}
        self._children: dict[int, Child] = {}
        self._confinements: dict[int, bytes] = {}

    def create(self, config: Config, bundle: str, id: str = "testjail") -> Held:
        """Create a jail. Whatever fails is undone and raised."""
        plan = self.runtime.plan(config, bundle, id)
        undo: list[Undo] = []
        self.roots.setdefault(plan.root, tree(plan.root))
        try:
            self.runtime.prepare(plan, undo.append)
            confinement = self.runtime.confinement()
            child = self._fork(
                lambda: self.runtime.fork(plan),
                lambda made: self.runtime.enter(plan, made, lambda root: None),
                plan.process,
                undo,
            )
        except RunjdError:
            self.runtime.remove(Held(id, 0, 0, processes.boot_id(), plan.root, tuple(undo)))
            raise
        self._confinements[child.pid] = confinement
        return Held(id, child.pid, processes.start_time(child.pid), processes.boot_id(), plan.root, tuple(undo))

    def start(self, pid: int) -> None:
        """Let a process execute its program."""
        os.write(self._children[pid].gate, b"x")

    def exec(self, held: Held, process: Process) -> tuple[int, str]:
        """Run another process in a jail and wait for it."""
        pid = self.enter(held, process)
        self.start(pid)
        return self.finish(pid)

    def enter(self, held: Held, process: Process) -> int:
        """Let another process into a jail, where it waits for its start; return its pid."""
        return self._fork(
            lambda: self.join(held, process), lambda _made: self.runtime.enter_joined(process), process, []
        ).pid

    def join(self, held: Held, process: Process) -> int:
        """Fork a process into a jail."""
        self.runtime.join(held, process, self._confinements[held.pid])
        return self.runtime.fork_joined()

    def finish(self, pid: int) -> tuple[int, str]:
        """Wait for a process; return its exit status (negative for a signal) and all that it wrote."""
        child = self._children.pop(pid)
        output = read_all(child.output)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(child.output)
        os.close(child.gate)
        return status, output

    def line(self, pid: int) -> str:
        """Wait for one line of output."""
        found = b""
        while not found.endswith(b"\n"):
            _wait_readable(self._children[pid].output)
            chunk = os.read(self._children[pid].output, 1)
            if not chunk:
                break
            found += chunk
        return found.decode().rstrip("\n")

    def run(self, config: Config, bundle: str) -> tuple[int, str]:
        """Create, start, wait for and remove a jail; return its status and output."""
        held = self.create(config, bundle)
        self.start(held.pid)
        result = self.finish(held.pid)
        self.runtime.remove(held)
        return result

    def end(self, held: Held) -> None:
        """Remove a jail, reap its init process."""
        self.runtime.remove(held)
        if held.pid in self._children:
            self.finish(held.pid)

    def _fork(
        self,
        fork: Callable[[], int],
        enter: Callable[[Callable[[Undo], None]], None],
        process: Process,
        undo: list[Undo],
    ) -> Child:
        report, tell = os.pipe()
        output, write = os.pipe()
        wait, gate = os.pipe()
        pid = fork()
        if pid == 0:
            try:
                os.setsid()
                os.dup2(write, 1)
                os.dup2(write, 2)
                close_others((tell, wait))
                _become(self.runtime, enter, process, tell, wait)
            finally:
                os._exit(99)
        for each in (tell, write, wait):
            os.close(each)
        error, started = None, pid
        for line in read_all(report).splitlines():
            record = json.loads(line)
            if "made" in record:
                undo.append(Undo(*record["made"]))
            elif "appeared" in record:
                pid = record["appeared"]
                os.waitpid(started, 0)
            elif "error" in record:
                error = from_record(record["error"])
        os.close(report)
        self._children[pid] = child = Child(pid, output, gate)
        if error is not None:
            self.finish(pid)
            raise error
        return child


def read_all(descriptor: int) -> str:
    """Read until the end, but not for ever."""
    found = b""
    while True:
        _wait_readable(descriptor)
        chunk = os.read(descriptor, 65536)
        if not chunk:
            return found.decode()
        found += chunk


def mounts() -> list[str]:
    """Return the mounts of this process's namespace, without ids."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sorted(line.split(None, 2)[2] for line in file)


def tree(root: str) -> dict[str, int]:
    """Return every name below a directory with its mode."""
    found = {}
    for directory, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = os.path.join(directory, name)
            found[os.path.relpath(path, root)] = stat.S_IFMT(os.lstat(path).st_mode)
    return found


def _become(
    runtime: Runtime, enter: Callable[[Callable[[Undo], None]], None], process: Process, tell: int, wait: int
) -> None:
    try:
        enter(lambda undo: _tell(tell, {"made": list(undo)}))
        runtime.become(process)
        runtime.appear(lambda pid: _tell(tell, {"appeared": pid}))
        os.close(tell)
        os.read(wait, 1)
        runtime.confine(process)
        os.execve(process.args[0], list(process.args), dict(each.split("=", 1) for each in process.env))
    except RunjdError as error:
        _tell(tell, {"error": error.to_record()})
    except BaseException as error:
        _tell(tell, {"error": {"code": "INTERNAL", "message": repr(error), "details": {}}})


def _tell(descriptor: int, record: object) -> None:
    os.write(descriptor, json.dumps(record).encode() + b"\n")


def _wait_readable(descriptor: int) -> None:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    assert poll.poll(PATIENCE_MS), "nothing came within 5 s"


def _same_device(path: str) -> bool:
    return sys.platform == "linux" and os.stat(path).st_dev == os.stat(BUSYBOX).st_dev


def _copy(path: str) -> None:
    target = os.path.join(path, "bin/busybox")
    with open(BUSYBOX, "rb") as source, open(target, "wb") as copy:
        copy.write(source.read())
    os.chmod(target, 0o755)
