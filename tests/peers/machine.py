"""
A machine of its own, made of namespaces, for programs that write everywhere.

podman, conmon and buildah keep state in ``/run``, ``/var/lib``, ``/etc``, shared
memory, control groups and processes without a parent.  On this machine all of
that is private and is gone when it is switched off, also where the test run is
killed; the rest of the file system is the host's.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from runjd.values import Value

#: seconds that anything may take on a machine with better things to do
PATIENCE = 40.0

_Fact = TypeVar("_Fact")


class Done(Value):
    """How a program ended: its exit status or 128 and the signal's number, and what it wrote."""

    status: int
    out: bytes
    err: bytes

    @property
    def text(self) -> str:
        """Standard output as text, without the newline at its end."""
        return self.out.decode(errors="replace").removesuffix("\n")

    @property
    def complaint(self) -> str:
        """Standard error as text."""
        return self.err.decode(errors="replace").strip()


class MachineError(Exception):
    """The machine cannot be made; says why."""


class Program:
    """
    A program that runs on the machine; to leave the context kills its process group, if it still runs.

    :ivar pid: its process id there.
    """

    def __init__(self, connection: socket.socket, argv: Sequence[str]) -> None:
        self._connection = connection
        self._argv = argv
        self._status: int | None = None
        self.pid = int(connection.recv(16) or 0)

    def signal(self, number: int) -> None:
        """Send a signal to it; once it ended, to nobody."""
        if self._status is None:
            self._connection.send(str(number).encode())

    def has_ended(self, patience: float = 0.0) -> bool:
        """Whether it ended by now, or within some seconds."""
        if self._status is None and select.select([self._connection], [], [], patience)[0]:
            status = os.waitstatus_to_exitcode(int(self._connection.recv(16)))
            self._status = status if status >= 0 else 128 - status
        return self._status is not None

    def wait(self, patience: float = PATIENCE) -> int:
        """
        Return its exit status, or 128 and the number of the signal that ended it.

        :raise TimeoutError: it still runs.
        """
        if not self.has_ended(patience) or self._status is None:
            raise TimeoutError(f"still runs after {patience} s: {' '.join(self._argv)}")
        return self._status

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._connection.close()


class Machine:
    """
    A machine; switched on by the constructor.

    :param directory: an existing directory for its socket.
    :param environment: of all its programs.
    :raise MachineError: it cannot be had here.
    :ivar first: pid of its first process, as we see it.
    """

    def __init__(self, directory: str, environment: Mapping[str, str]) -> None:
        self._address = f"{directory}/machine"
        self._environment = dict(environment)
        name = f"runjd-peers-{os.getpid()}-{time.monotonic_ns()}"
        script = str(Path(__file__).with_name("machine_init.py"))
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", script, name, self._address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert self._keeper.stdout is not None
        said = self._keeper.stdout.readline().decode().strip()
        if not said.startswith("ready "):
            self.switch_off()
            raise MachineError(said or "its first process ended without a word")
        self.first = int(said.split()[1])
        self._root = f"/proc/{self.first}/root"

    def switch_off(self) -> None:
        """Kill all that runs, and remove all that was made."""
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._keeper.stdin.close()
        self._keeper.wait(PATIENCE)
        self._keeper.stdout.close()

    def path(self, path: str) -> Path:
        """Return where we see a file of the machine, from outside."""
        return Path(self._root + path)

    def start(
        self,
        argv: Sequence[str],
        descriptors: Sequence[int],
        *,
        terminal: bool = False,
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
    ) -> Program:
        """
        Start a program.

        :param descriptors: what it gets from 0 on; stay open here.
        :param terminal: the first of them becomes its controlling terminal.
        :param env: in addition to the machine's environment.
        """
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            connection.connect(self._address)
            request = {
                "argv": list(argv),
                "env": {**self._environment, **(env or {})},
                "cwd": cwd,
                "terminal": terminal,
            }
            socket.send_fds(connection, [json.dumps(request).encode()], list(descriptors))
            return Program(connection, argv)
        except BaseException:
            connection.close()
            raise

    def run(
        self,
        *argv: str,
        data: bytes = b"",
        cwd: str = "/",
        env: Mapping[str, str] | None = None,
        patience: float = PATIENCE,
    ) -> Done:
        """
        Run a program to its end.

        :param data: its standard input.
        :raise TimeoutError: it took too long, and was killed.
        """
        given, taken, complaints = (_Spool(content) for content in (data, b"", b""))
        with given, taken, complaints:
            fds = [given.fd, taken.fd, complaints.fd]
            with self.start(argv, fds, cwd=cwd, env=env) as program:
                try:
                    status = program.wait(patience)
                except TimeoutError as late:
                    raise TimeoutError(f"{late}\n{taken.content()!r}\n{complaints.content()!r}") from None
            return Done(status, taken.content(), complaints.content())


class _Spool:
    """An unnamed file: whoever inherits it and never lets go of it does not make us wait, as a pipe would."""

    def __init__(self, content: bytes) -> None:
        self.fd = os.memfd_create("spool")
        with open(self.fd, "wb", closefd=False) as file:
            file.write(content)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def content(self) -> bytes:
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)


def until(fact: Callable[[], _Fact], patience: float = PATIENCE) -> _Fact:
    """
    Return the first true answer.

    :raise TimeoutError: there is none in time.
    """
    deadline = time.monotonic() + patience
    while True:
        answer = fact()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {patience} s: {fact}")
        time.sleep(0.02)
