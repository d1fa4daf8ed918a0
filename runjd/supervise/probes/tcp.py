"""
A probe by a connection, and by a page: from the daemon, in the network of the host.

A jail with a network of its own is asked by an address that the host reaches; its
loopback is not the host's, so who listens only there is asked by a program in the
jail instead.  Names are not looked up: a name server that hangs is no matter of the
jail, and would hold up the threads that read logs.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.interfaces import IConnector, IReactorTCP
from twisted.internet.protocol import ClientFactory, Protocol
from twisted.python.failure import Failure

from runjd.policy.settings import Probe
from runjd.supervise.probes.answer import Answer, clean

#: bytes of a reply that are looked at for its first line
_LINE_MAX = 1024


class ConnectionQuestion:
    """
    Asks by connecting; a connection is a yes, unless a page is asked for.

    :param probe: of the kind ``tcp`` or ``http``.
    """

    def __init__(self, reactor: IReactorTCP, probe: Probe) -> None:
        self._reactor = reactor
        self._probe = probe
        self._connector: IConnector | None = None
        self._answered: Callable[[Answer], None] | None = None
        self._over: Callable[[], None] | None = None

    def ask(self, answered: Callable[[Answer], None], over: Callable[[], None]) -> None:
        probe = self._probe
        self._answered, self._over = answered, over
        host = "127.0.0.1" if probe.host == "localhost" else probe.host
        if not isIPAddress(host) and not isIPv6Address(host):
            self.conclude(False, f'"{probe.host}" is no address, and a probe asks no name server')
            return
        factory = _Factory(self, _request(probe) if probe.kind == "http" else None)
        # its own time limit is longer than any: whoever asks has one
        self._connector = self._reactor.connectTCP(host, probe.port, factory, timeout=probe.timeout + 1)

    def abandon(self) -> None:
        self._answered = None
        if self._connector is not None:
            self._connector.disconnect()
        self.end()

    def conclude(self, is_yes: bool, text: str) -> None:
        """The answer is known; a connection that is only being closed holds up no other question."""
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(Answer(is_yes, text))
        self.end()

    def end(self) -> None:
        """Nothing is under way any more."""
        over, self._over = self._over, None
        if over is not None:
            over()


class _Factory(ClientFactory):
    """Makes the one protocol."""

    noisy = False

    def __init__(self, question: ConnectionQuestion, request: bytes | None) -> None:
        self._question = question
        self._request = request

    def buildProtocol(self, addr: object) -> Protocol:
        return _Page(self._question, self._request) if self._request else _Connection(self._question)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._question.conclude(False, f"no connection: {_why(reason)}")

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        self._question.conclude(False, "the connection was closed before an answer came")


class _Connection(Protocol):
    """Yes, and good-bye."""

    def __init__(self, question: ConnectionQuestion) -> None:
        self._question = question

    def connectionMade(self) -> None:
        self._question.conclude(True, "connected")
        assert self.transport is not None
        self.transport.loseConnection()


class _Page(Protocol):
    """Asks for a page, and reads as far as the status of the reply (RFC 9112, 4)."""

    def __init__(self, question: ConnectionQuestion, request: bytes) -> None:
        self._question = question
        self._request = request
        self._line = b""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        self._line += data[:_LINE_MAX]
        if b"\n" not in self._line and len(self._line) < _LINE_MAX:
            return
        status = read_status(self._line.partition(b"\n")[0])
        if status is None:
            self._question.conclude(False, "no reply of HTTP")
        else:
            self._question.conclude(200 <= status < 400, f"HTTP {status}")
        assert self.transport is not None
        self.transport.loseConnection()


def read_status(line: bytes) -> int | None:
    """Return the status in the first line of a reply; None where it is none."""
    version, _, rest = line.partition(b" ")
    digits = rest[:3]
    if not version.startswith(b"HTTP/1.") or len(digits) != 3 or not digits.isdigit() or rest[3:4].strip():
        return None
    return int(digits)


def _request(probe: Probe) -> bytes:
    host = f"[{probe.host}]" if ":" in probe.host else probe.host
    lines = (
        f"GET {probe.path} HTTP/1.1",
        f"Host: {host}:{probe.port}",
        "User-Agent: runjd",
        "Accept: */*",
        "Connection: close",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode("utf-8", "replace")


def _why(reason: Failure) -> str:
    return clean(reason.getErrorMessage())
