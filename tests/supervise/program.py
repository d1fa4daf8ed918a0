"""A process that the keeper of the tests has; the test is the program."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping

from runjd.policy.facts import ExitRecord


class Program:
    """One process: its streams, and what was done to it."""

    def __init__(
        self,
        jail: str,
        exec_id: str,
        pid: int,
        start: int,
        terminal: bool,
        note: Mapping[str, object],
        ready: str = "",
    ) -> None:
        self.jail = jail
        self.exec_id = exec_id
        self.pid = pid
        self.start = start
        self.terminal = terminal
        self.note = note
        self.ignores: set[int] = set()
        # in the kernel, where no signal reaches it
        self.is_stuck = False
        self.signals: list[int] = []
        self.exit: ExitRecord | None = None
        self.size: tuple[int, int] | None = None
        names = ("tty",) if terminal else ("out", "err")
        self._pipes = {name: os.pipe() for name in names}
        self._stdin = os.pipe()
        self._spools: dict[str, int] = {}
        self._ready: tuple[socket.socket, socket.socket] | None = None
        if ready:
            self._ready = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._ready_name = "notify" if ready == "notify" else "ready"
        os.set_blocking(self._stdin[0], False)
        for pair in self._pipes.values():
            os.set_blocking(pair[1], False)

    def output(self, data: bytes, stream: str = "out") -> None:
        """Write."""
        os.write(self._pipes["tty" if self.terminal else stream][1], data)

    def spool(self, data: bytes, stream: str = "out") -> None:
        """The keeper has read that while no daemon was there."""
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(data)
            file.seek(0)
            self._spools[f"spool-{stream}"] = os.dup(file.fileno())

    def typed(self) -> bytes | None:
        """Return what was written to standard input since, None at its end."""
        try:
            return os.read(self._stdin[0], 1_000_000) or None
        except BlockingIOError:
            return b""

    def descriptors(self) -> dict[str, int]:
        """Return new descriptors of the output."""
        ready = {self._ready_name: os.dup(self._ready[0].fileno())} if self._ready is not None else {}
        spools = {name: os.dup(fd) for name, fd in self._spools.items()}
        return {name: os.dup(pair[0]) for name, pair in self._pipes.items()} | ready | spools

    def tell(self, data: bytes) -> None:
        """Write to what it tells by that it is ready."""
        assert self._ready is not None, "its readiness is settled"
        self._ready[1].send(data)

    @property
    def is_settled(self) -> bool:
        """Whether the keeper holds nothing any more by which it tells that it is ready."""
        return self._ready is None

    def settle(self) -> None:
        """The keeper lets go of that."""
        if self._ready is not None:
            for each in self._ready:
                each.close()
            self._ready = None

    def writing_end(self) -> int:
        """Return a new descriptor of standard input."""
        return os.dup(self._stdin[1])

    def close_stdin(self) -> None:
        """Close the keeper's writing end."""
        os.close(self._stdin[1])
        self._stdin = (self._stdin[0], -1)

    def finish(self, leaves_grandchildren: bool = False) -> None:
        """The program's ends are closed."""
        if not leaves_grandchildren:
            self._pipes = {name: (read, self._close(write)) for name, (read, write) in self._pipes.items()}

    def close(self) -> None:
        """Close everything."""
        for pair in (*self._pipes.values(), self._stdin):
            for fd in pair:
                self._close(fd)
        self._pipes = {}
        for fd in self._spools.values():
            os.close(fd)
        self._spools = {}
        self._stdin = (-1, -1)
        self.settle()

    def _close(self, fd: int) -> int:
        if fd >= 0:
            os.close(fd)
        return -1
