"""A server without a socket: bytes go in, lines come out, and the clock moves when a test says so."""

from __future__ import annotations

import os
from copy import copy

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from runjd.access.audit import Audit
from runjd.access.guard import Guard
from runjd.logs.memory import MemoryWriter
from runjd.policy.access import Rule, Subject
from runjd.policy.facts import Definition
from runjd.policy.principal import Principal
from runjd.protocols.control.factory import ControlFactory
from runjd.protocols.control.hall import Hall, Limits
from runjd.protocols.control.verbs.all import all_verbs
from runjd.supervise.memory import MemoryController
from tests.protocols.control.scripted import ScriptedConfiguration, ScriptedDiagnosis

#: bytes in the transport's buffer at which it pauses its producer, as Twisted's do
FULL = 65536


class Socket(StringTransport):
    """A transport that fills up: nothing is read until a test calls :meth:`read`."""

    def __init__(self) -> None:
        super().__init__()
        self.is_aborted = False
        self.unread = 0
        self.fd = os.open(os.devnull, os.O_RDONLY)

    def fileno(self) -> int:
        return self.fd

    def getHandle(self) -> object:
        return None

    def write(self, data: bytes) -> None:
        super().write(data)
        self.unread += len(data)
        if self.unread > FULL and self.producer is not None:
            self.producer.pauseProducing()

    def read(self) -> bytes:
        """Return all that was sent so far, as a client would take it."""
        data = self.value()
        self.clear()
        self.unread = 0
        if self.producer is not None:
            self.producer.resumeProducing()
        return data

    def read_all(self) -> bytes:
        """Return all that is sent until nothing more comes."""
        found = b""
        while data := self.read():
            found += data
        return found

    def abortConnection(self) -> None:
        self.is_aborted = True


class Offline:
    """One connection, greeted, to jails of which one, named web, runs."""

    def __init__(self, controller: MemoryController | None = None, role: str = "admin") -> None:
        self.clock = Clock()
        self.jails = controller or MemoryController(self.clock)
        self.jails.configured.add("web")
        self.jails.run(Definition("web", "/bundles/web", "memory", stdin=True), "uid:0")
        self.configuration = ScriptedConfiguration()
        self.diagnosis = ScriptedDiagnosis()
        self.guard = Guard((), lambda: self.hall.reconsider())
        self.writer = MemoryWriter()
        self.hall = Hall(
            self.jails,
            self.configuration,
            self.diagnosis,
            all_verbs(),
            self.clock,
            lambda: 1_763_910_080.102,
            self.guard,
            Audit("/audit.log", self.writer, self.clock, lambda: 1_763_910_080.102),
            "runjd/0.4.0",
            Limits(),
        )
        self.guard.take((Rule("access[0]", (Subject("anybody"),), role),))
        self.begin()

    def begin(self) -> None:
        """Connect."""
        factory = ControlFactory(self.hall, lambda _: Principal(0, 0, 1))
        self.protocol = factory.buildProtocol(None)
        self.socket = Socket()
        self.protocol.makeConnection(self.socket)
        self.greeting = self.socket.read().decode()

    def again(self) -> Offline:
        """Return another connection to the same server."""
        other = copy(self)
        other.begin()
        return other

    def send(self, data: str | bytes) -> None:
        """Send a line, or bytes as they are."""
        self.protocol.dataReceived(data if isinstance(data, bytes) else data.encode() + b"\n")
        self.clock.advance(0)

    def say(self, text: str) -> list[str]:
        """Send a line and return the lines that come back."""
        self.send(text)
        return self.lines()

    def lines(self) -> list[str]:
        """Return the lines that came."""
        return self.socket.read_all().decode().splitlines()

    def audit(self) -> list[str]:
        """Return what was written down of who did what, without the times."""
        return [line.partition(" ")[2] for line in self.writer.files.get("/audit.log", b"").decode().splitlines()]

    def lose(self) -> None:
        """The client is gone."""
        if not self.protocol.connected:
            return
        self.protocol.connected = 0
        self.protocol.connectionLost(None)
        os.close(self.socket.fd)
        self.hall.audit.stop()
        assert not self.clock.getDelayedCalls()
