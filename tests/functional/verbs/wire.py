"""A server and a client of the control protocol for tests, on a real Unix socket, with a deadline for every answer."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor as real_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import deferLater
from zope.interface import implementer

from runjd.access.audit import Audit
from runjd.access.guard import Guard
from runjd.access.identity import identify
from runjd.logs.memory import MemoryWriter
from runjd.policy.access import Rule, Subject
from runjd.policy.facts import Definition
from runjd.protocols.control.factory import ControlFactory
from runjd.protocols.control.hall import Hall, Limits
from runjd.protocols.control.listen import listen_unix
from runjd.protocols.control.verbs.all import all_verbs
from runjd.supervise.memory import MemoryController
from tests.protocols.control.scripted import ScriptedConfiguration, ScriptedDiagnosis

#: seconds after which an answer is missing
PATIENCE = 4.0


@implementer(IHalfCloseableProtocol)
class Wire(Protocol):
    """
    One connection.

    :ivar greeting: the first line of the server.
    """

    greeting = ""

    def __init__(self) -> None:
        self._buffer = b""
        self._is_closed = False
        self._waiting: tuple[Deferred[None], Callable[[], bool]] | None = None

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        self._look()

    def readConnectionLost(self) -> None:
        self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        pass

    def connectionLost(self, reason=None) -> None:
        self._is_closed = True
        self._look()

    def send(self, text: str | bytes) -> None:
        """Send a line, or bytes as they are."""
        self.transport.write(text if isinstance(text, bytes) else text.encode() + b"\n")

    def send_end(self) -> None:
        """Close this side only."""
        self.transport.loseWriteConnection()

    def drop(self) -> None:
        """Vanish."""
        self.transport.abortConnection()

    async def line(self) -> str:
        """Return the next line without its end."""
        await self._wait(lambda: b"\n" in self._buffer)
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    async def lines(self, count: int) -> list[str]:
        """Return the next lines."""
        return [await self.line() for _ in range(count)]

    async def reply(self, text: str | None = None) -> list[str]:
        """Send a request, if given, and return the lines of the next reply."""
        if text is not None:
            self.send(text)
        lines = [await self.line()]
        while lines[-1][0] not in "+-":
            lines.append(await self.line())
        return lines

    async def say(self, text: str) -> str:
        """Send a request and return its reply, which has one line."""
        [line] = await self.reply(text)
        return line

    async def bytes(self, count: int) -> bytes:
        """Return so many bytes."""
        await self._wait(lambda: len(self._buffer) >= count)
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    async def end(self) -> bytes:
        """Return what comes until the server closes."""
        await self._wait(lambda: self._is_closed)
        data, self._buffer = self._buffer, b""
        return data

    async def _wait(self, is_met: Callable[[], bool]) -> None:
        if is_met():
            return
        if self._is_closed:
            raise ConnectionError(f"the server closed after {self._buffer!r}")
        fires: Deferred[None] = Deferred()
        self._waiting = (fires, is_met)
        fires.addTimeout(PATIENCE, real_reactor)
        await fires

    def _look(self) -> None:
        if self._waiting is None:
            return
        fires, is_met = self._waiting
        if is_met():
            self._waiting = None
            fires.callback(None)
        elif self._is_closed:
            self._waiting = None
            fires.errback(ConnectionError(f"the server closed after {self._buffer!r}"))


class Server:
    """
    A server, its jails, and the clients that a test connects.

    :param role: what everybody is.
    :ivar jails: the controller.
    """

    def __init__(self, directory: str, limits: Limits | None = None, role: str = "admin") -> None:
        self.now = 1_763_910_080.102
        self.path = f"{directory}/control"
        self.jails = MemoryController(real_reactor, lambda: self.now)

        self.configuration = ScriptedConfiguration()
        self.diagnosis = ScriptedDiagnosis()

        self.guard = Guard((), lambda: hall.reconsider())
        self.writer = MemoryWriter()
        hall = Hall(
            self.jails,
            self.configuration,
            self.diagnosis,
            all_verbs(),
            real_reactor,
            lambda: self.now,
            self.guard,
            Audit("/audit.log", self.writer, real_reactor, lambda: self.now),
            "runjd/0.4.0",
            limits or Limits(),
        )
        self.guard.take((Rule("access[0]", (Subject("anybody"),), role),))
        self.factory = ControlFactory(hall, identify)
        self.port = listen_unix(self.path, self.factory, real_reactor)
        self._wires: list[Wire] = []

    def run(self, jail: str, size: tuple[int, int] | None = None) -> None:
        """Let a jail run."""
        self.jails.configured.add(jail)
        self.jails.run(Definition(jail, f"/bundles/{jail}", "memory", stdin=True, size=size), "uid:0")

    async def connect(self) -> Wire:
        """Return a new connection that was greeted."""
        wire = await UNIXClientEndpoint(real_reactor, self.path).connect(Factory.forProtocol(Wire))
        self._wires.append(wire)
        wire.greeting = await wire.line()
        return wire

    async def pause(self, seconds: float = 0.0) -> None:
        """Let the reactor turn."""
        await deferLater(real_reactor, seconds)

    async def until(self, is_met: Callable[[], bool]) -> None:
        """Wait until it is met, but not for long."""
        for _ in range(400):
            if is_met():
                return
            await self.pause(0.01)
        raise TimeoutError("what was waited for did not happen")

    async def close(self) -> None:
        """Close everything, and wait until all is closed."""
        for wire in self._wires:
            wire.drop()
        self.factory.close_all("the test is over")
        stopped = self.port.stopListening()
        if isinstance(stopped, Deferred):
            await stopped
        await self.until(lambda: not self.factory.hall.members)
