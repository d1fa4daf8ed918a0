"""containerd on a machine of its own, whose tasks are run by our daemon, or by its own shim for runc."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cli.program import ROOT
from tests.peers.containerd import CONFIGURATION, IMAGE, make_image
from tests.peers.conversation import Conversation, on_terminal, piped
from tests.peers.machine import Done, Machine, Program, until
from tests.peers.programs import PATH

#: names of containerd's runtimes, by the words of PEERS_RUNTIMES
SHIMS = {"runj": "io.containerd.runj.v1", "runc": "io.containerd.runc.v2"}

_ADDRESS = "/run/containerd/containerd.sock"
_STATE = "/run/runjd"
_DAEMON = f"import sys; sys.path.insert(0, {ROOT!r}); from twisted.scripts.twistd import run; run()"
_KEEPER = f"""\
#!/bin/sh
exec {sys.executable} -I -S -X utf8 {ROOT}/bin/runjd-keeper {ROOT} "$@"
"""


class Tasks:
    """
    containerd and, where the tasks are ours, the daemon; as a context they run.

    :param directory: existing, for what both sides see.
    :param shim: whose tasks: a key of :data:`SHIMS`.
    :param configuration: of containerd.
    :ivar archive: of the image that all of them are made of.
    :ivar on_path: a directory of programs that containerd and the daemon find before others.
    """

    def __init__(self, machine: Machine, directory: Path, shim: str, configuration: str = CONFIGURATION) -> None:
        self.machine = machine
        self.is_ours = shim == "runj"
        self._directory = directory
        self._configuration = configuration
        self.on_path = self._programs = directory / "bin"
        self._runtime = SHIMS[shim]
        self._numbers = count(1)
        self._stack = ExitStack()
        self._containerd: Program | None = None
        self._daemon: Program | None = None

    def __enter__(self) -> Self:
        (self._directory / "containerd.toml").write_text(self._configuration)
        self._programs.mkdir()
        self._install()
        for name, text in self.programs().items():
            (self._programs / name).write_text(text)
            (self._programs / name).chmod(0o755)
        try:
            if self.is_ours:
                self.start_daemon()
            self.start_containerd()
            self.archive = make_image(self.machine, self._directory)
            self.good(f"image import --snapshotter native {self.archive}")
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    def programs(self) -> dict[str, str]:
        """Return what is on the path of containerd, by its name."""
        shim = Path(ROOT, "bin/containerd-shim-runj-v1").read_text(encoding="utf-8")
        return {"containerd-shim-runj-v1": shim, "runjd-keeper": _KEEPER}

    def environment(self) -> dict[str, str]:
        """Return what the programs are told."""
        return {"RUNJD_STATE": _STATE}

    def __call__(self, line: str, *words: str, data: bytes = b"", namespace: str = "default") -> Done:
        """
        Run ctr to its end.

        :param line: its command line, as for a shell.
        :param words: what follows, as it is.
        """
        return self.machine.run(*self._ctr(namespace), *shlex.split(line), *words, data=data)

    def good(self, line: str, *words: str, namespace: str = "default") -> str:
        """Run ctr, which must succeed, and return what it wrote."""
        done = self(line, *words, namespace=namespace)
        assert done.status == 0, f"ctr {line}: exit status {done.status}: {done.complaint}"
        return done.text

    def run(self, options: str, name: str, *command: str, namespace: str = "default", runtime: str = "") -> Done:
        """Run a container to its end, or detached."""
        return self(*self._run(options, name, command, runtime), namespace=namespace)

    def argv(self, options: str, name: str, *command: str, runtime: str = "") -> list[str]:
        """Return the command that runs a container."""
        line, *words = self._run(options, name, command, runtime)
        return [*self._ctr("default"), *shlex.split(line), *words]

    def on_terminal(self, options: str, name: str, *command: str) -> AbstractContextManager[Conversation]:
        """Run a container on a terminal."""
        line, *words = self._run(f"--tty {options}", name, command)
        return on_terminal(self.machine, [*self._ctr("default"), *shlex.split(line), *words], 24, 80)

    def talk(self, line: str, *words: str) -> AbstractContextManager[Conversation]:
        """Run ctr with pipes, and talk to whom it leads to."""
        return piped(self.machine, [*self._ctr("default"), *shlex.split(line), *words])

    def talk_on_terminal(self, line: str, *words: str) -> AbstractContextManager[Conversation]:
        """Run ctr on a terminal."""
        return on_terminal(self.machine, [*self._ctr("default"), *shlex.split(line), *words], 24, 80)

    def talk_to_new(self, name: str, *command: str) -> AbstractContextManager[Conversation]:
        """Run a container with pipes."""
        line, *words = self._run("--rm", name, command)
        return self.talk(line, *words)

    def name(self) -> str:
        """Return a name that no container has."""
        return f"box{next(self._numbers)}"

    def status(self, name: str, namespace: str = "default") -> str:
        """Return what containerd says of a task; empty where there is none."""
        return self._row(name, namespace)[-1]

    def pid(self, name: str, namespace: str = "default") -> int:
        """Return the pid of a task."""
        return int(self._row(name, namespace)[1])

    def remove(self, name: str, namespace: str = "default") -> None:
        """Remove a container, whatever it does."""
        self("task kill --signal KILL", name, namespace=namespace)
        until(lambda: self.status(name, namespace) in ("", "STOPPED"))
        self("task rm --force", name, namespace=namespace)
        self("container rm", name, namespace=namespace)

    def start_containerd(self) -> None:
        """Start containerd, also again."""
        argv = ["containerd", "--config", str(self._directory / "containerd.toml")]
        self._containerd = self._start(argv, "containerd.log")
        until(lambda: self("version").status == 0)

    def stop_containerd(self) -> None:
        """Kill containerd, as an upgrade or a crash does; tasks go on."""
        assert self._containerd is not None
        self._containerd.signal(signal.SIGKILL)
        self._containerd.wait()

    def start_daemon(self) -> None:
        """Start the daemon, also again."""
        words = ["--nodaemon", "--pidfile=", "runjd", "--state", _STATE, "--log", "/run/runjd-log"]
        words += ["--keeper", str(self._programs / "runjd-keeper")]
        self._daemon = self._start([sys.executable, "-c", _DAEMON, *words], "daemon.log")
        until(self.machine.path(f"{_STATE}/containerd/socket").exists)

    def kill_daemon(self) -> None:
        """Kill the daemon, if there is one; its next one is not started yet."""
        if self._daemon is not None:
            self._daemon.signal(signal.SIGKILL)
            self._daemon.wait()

    def pids(self, mark: str) -> list[int]:
        """Return the processes whose command line has a mark."""
        listed = [line.split(None, 1) for line in self.machine.run("ps", "axww", "-o", "pid=,args=").text.splitlines()]
        return [int(pid) for pid, line in listed if mark in line and not line.startswith("ps ")]

    def leftovers(self) -> list[str]:
        """Return mounts of roots and processes of containers that no container has any more."""
        mounts = self.machine.run("cat", "/proc/self/mounts").text.splitlines()
        left = [line for line in mounts if "/io.containerd.runtime.v2.task/" in line]
        if self.is_ours:
            state = self.machine.path(f"{_STATE}/state")
            left += [f"jail {name}" for name in os.listdir(state) if not name.startswith(".")] if state.exists() else []
            records = os.listdir(self.machine.path(f"{_STATE}/tasks"))
            left += [f"task {name}" for name in records if not name.endswith((".deleted", "loggers"))]
        return left

    def words(self) -> str:
        """Return what daemon and containerd said, for a test that failed."""
        return "".join(path.read_text(errors="replace")[-3000:] for path in self._directory.glob("*.log"))

    def _install(self) -> None:
        """Let the shim find interpreter and package where an installation has them."""
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (self._programs / python).symlink_to(os.path.realpath(sys.executable))
        packages = self._directory / "lib" / python / "site-packages"
        packages.mkdir(parents=True)
        (packages / "runjd").symlink_to(f"{ROOT}/runjd")

    def _row(self, name: str, namespace: str) -> list[str]:
        rows = [line.split() for line in self.good("task ls", namespace=namespace).splitlines()[1:]]
        return next((row for row in rows if row[0] == name), ["", "0", ""])

    def _ctr(self, namespace: str) -> list[str]:
        return ["ctr", "--address", _ADDRESS, "--namespace", namespace]

    def _start(self, argv: Sequence[str], log: str) -> Program:
        with open(os.devnull, "rb") as null, open(self._directory / log, "ab") as words:
            descriptors = [null.fileno(), words.fileno(), words.fileno()]
            env = {"PATH": f"{self._programs}:{PATH}", **self.environment()}
            return self._stack.enter_context(self.machine.start(argv, descriptors, env=env))

    def _run(self, options: str, name: str, command: Sequence[str], runtime: str = "") -> list[str]:
        return [f"run --runtime {runtime or self._runtime} --snapshotter native {options}", IMAGE, name, *command]


class PrivateTasks(Tasks):
    """containerd on a host without a daemon: that is started when it is needed, by the twistd beside the shim."""

    def programs(self) -> dict[str, str]:
        """Return what is on the path of containerd; the shim is where a twistd is, as it would be installed."""
        shim = self._programs / "shim"
        shim.symlink_to(f"{ROOT}/bin/containerd-shim-runj-v1")
        start = f"exec {sys.executable} -I -S -X utf8 {shim} {ROOT}"
        twistd = f"import sys; sys.path.insert(0, {ROOT!r}); from twisted.scripts.twistd import run; run()\n"
        return super().programs() | {"containerd-shim-runj-v1": f'#!/bin/sh\n{start} "$@"\n', "twistd": twistd}

    def environment(self) -> dict[str, str]:
        """Return nothing: there is no daemon to speak of."""
        return {}

    def start_daemon(self) -> None:
        """Leave it to the relay."""

    def served(self) -> int:
        """Return how many daemons came so far as to serve."""
        log = self.machine.path("/run/runjd-containerd/containerd/daemon.log")
        return log.read_text(errors="replace").count(" serves ") if log.exists() else 0

    def kill(self, mark: str) -> int:
        """Kill a process, of which there must be one, and return its pid."""
        (pid,) = self.pids(mark)
        done = self.machine.run("kill", "-KILL", str(pid))
        assert done.status == 0, done.complaint
        return pid
