"""The daemon that is measured, all of whose files are in one directory; how it is asked, and what belongs to it."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from benchmarks.installation import Installation
from benchmarks.processes import all_pids, below, command_of, parent_of
from benchmarks.timing import until

_PATIENCE = 60.0
#: seconds that thousands of jails take to be stopped
_STOPPED = 300.0


class Daemon:
    """
    A daemon; as a context it runs, and its jails are stopped at the end.

    :param directory: of its files; it takes a runjd.toml that is there.
    :param options: more words of its command line.
    :ivar socket: its control socket.
    :ivar pid: of the daemon.
    """

    def __init__(self, installed: Installation, directory: str, options: Sequence[str] = ()) -> None:
        self.directory = directory
        self.socket = f"{directory}/control"
        self.pid = 0
        self._installed = installed
        self._options = list(options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        """Its command line."""
        words = [
            self._installed.program("twistd"),
            "--nodaemon",
            "--pidfile=",
            f"--logfile={self.directory}/daemon.log",
        ]
        words += ["runjd", f"--state={self.directory}/state", f"--control={self.socket}", f"--log={self.directory}/log"]
        if os.path.exists(f"{self.directory}/runjd.toml"):
            words.append(f"--config={self.directory}/runjd.toml")
        return words + self._options

    def __enter__(self) -> Self:
        self.spawn()
        deadline = time.monotonic() + _PATIENCE
        while not self.answers():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.__exit__(None, None, None)
                raise SystemExit(f"The daemon does not start:\n{self._last_words()}")
            time.sleep(0.05)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._call("shutdown", "--stop")
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=_STOPPED)
            self._process.kill()
            self._process.wait()
        for pid in [each for keeper in self._keepers() for each in below(keeper)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def spawn(self) -> None:
        """Start the process, and do not wait for it."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self._process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, cwd="/", env=environment)
        self.pid = self._process.pid

    def kill(self) -> None:
        """Kill the process by SIGKILL; its jails and its keeper live on."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def answers(self) -> bool:
        """Return whether the control socket answers."""
        try:
            return self.ask("ping")[-1].startswith("+")
        except OSError:
            return False

    def control(self, *words: str) -> None:
        """
        Call runjctl.

        :raise SystemExit: it fails.
        """
        done = self._call(*words)
        if done.returncode != 0:
            raise SystemExit(f"runjctl {' '.join(words)} fails: {done.stderr.decode()}")

    def ask(self, request: str) -> list[str]:
        """Return the lines of the answer to a request, on a connection of its own."""
        with connect(self.socket) as connection, connection.makefile("rb") as stream:
            connection.sendall(request.encode() + b"\n")
            lines = []
            for each in stream:
                lines.append(each.decode().rstrip())
                if each[:1] in b"+-":
                    return lines
        raise ConnectionError("The daemon closed the connection.")

    def connect(self, request: str = "") -> socket.socket:
        """
        Return a connection that was greeted and, if it was given, whose request was answered.

        :raise SystemExit: the answer is no.
        """
        connection = connect(self.socket)
        if request:
            say(connection, request)
        return connection

    def running(self) -> dict[str, int]:
        """Return the pids of all jails that run."""
        lines = [dict(word.split("=", 1) for word in row.split()[1:] if "=" in word) for row in self.ask("list")]
        return {each["jail"]: int(each["pid"]) for each in lines if "pid" in each and each["phase"] == "running"}

    def until_running(self, count: int) -> None:
        """Wait until so many jails run."""
        until(lambda: len(self.running()) >= count, nap=0.2, patience=600.0)

    @property
    def keeper(self) -> int:
        """The pid of the keeper: not of a worker of its, which has the same command line."""
        found = self._keepers()
        return next(pid for pid in found if parent_of(pid) not in found)

    def pids(self) -> list[int]:
        """Return the processes that run jails and are none: the daemon, what it started, the keeper, its workers."""
        keepers = self._keepers()
        return [
            self.pid,
            *(pid for pid in below(self.pid) if parent_of(pid) == self.pid and pid not in keepers),
            *keepers,
        ]

    def _keepers(self) -> list[int]:
        mark = f"{self.directory}/state/keeper"
        return [pid for pid in all_pids() if mark in command_of(pid)]

    def _call(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = [self._installed.program("runjctl"), "--socket", self.socket, *words]
        return subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)

    def _last_words(self) -> str:
        try:
            with open(f"{self.directory}/daemon.log", encoding="utf-8") as log:
                return "".join(log.readlines()[-20:])
        except OSError:
            return ""


def connect(address: str) -> socket.socket:
    """Return a connection to a control socket that was greeted."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(address)
        line(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def say(connection: socket.socket, request: str) -> str:
    """
    Return the answer, of one line, to a request.

    :raise SystemExit: it is no.
    """
    connection.sendall(request.encode() + b"\n")
    answer = line(connection)
    if not answer.startswith("+"):
        raise SystemExit(f"The daemon says {answer}")
    return answer


def line(connection: socket.socket) -> str:
    """Read one line, and nothing behind it."""
    data = b""
    while not data.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise ConnectionError("The daemon closed the connection.")
        data += byte
    return data.decode().rstrip()
