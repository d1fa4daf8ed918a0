"""
Events on their way to containerd: in order, again and again, but not for ever.

containerd may be restarted meanwhile; its socket comes back at the same path.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.protocols.ttrpc.client import TtrpcClient
from runjd.values import Value

_SERVICE = "containerd.services.events.ttrpc.v1.Events"
_METHOD = "Forward"
_NAMESPACE = "containerd-namespace-ttrpc"
#: seconds that containerd gets for one event
_LIMIT = 5.0
#: seconds between attempts for one event; the first follows at once, as the connection may just be old
_DELAYS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)
#: events that wait for one containerd
_QUEUE_MAX = 2048
#: seconds after which an idle connection is closed
_IDLE = 30.0


class Client(Protocol):
    """A connection to containerd; :class:`runjd.protocols.ttrpc.client.TtrpcClient`."""

    @property
    def is_open(self) -> bool:
        """Whether calls can be made."""

    def call(
        self, service: str, method: str, payload: bytes, metadata: Any = (), timeout: float = 0.0
    ) -> Deferred[bytes]:
        """Call a method."""

    def close(self) -> None:
        """Close it."""


class Letter(Value):
    """
    One event.

    :ivar request: what the method takes.
    :ivar told: called once it arrived, or was given up.
    """

    namespace: str
    topic: str
    request: bytes
    told: Callable[[], None] | None = None


class Post:
    """
    The way to every containerd.

    :param connect: connects to a socket by its path.
    """

    def __init__(self, clock: Any, connect: Callable[[str], Deferred[Client]]) -> None:
        self._clock = clock
        self._connect = connect
        self._boxes: dict[str, _Box] = {}

    def send(self, address: str, letter: Letter) -> None:
        """Send an event to the containerd that listens there; empty: nobody wants to know."""
        if not address:
            if letter.told is not None:
                letter.told()
            return
        box = self._boxes.get(address)
        if box is None:
            box = self._boxes[address] = _Box(self._clock, lambda: self._connect(address), address)
        box.send(letter)

    def stop(self) -> None:
        """Close all connections; what was not sent is not."""
        for box in self._boxes.values():
            box.stop()


def to_containerd(reactor: Any, path: str) -> Deferred[Client]:
    """Connect to a socket of containerd."""
    factory = Factory.forProtocol(lambda: TtrpcClient(reactor))
    factory.noisy = False
    made: Deferred[Client] = UNIXClientEndpoint(reactor, path).connect(factory)  # type: ignore[no-untyped-call]
    return made


class _Box:
    """What is to go to one containerd."""

    _log = Logger()

    def __init__(self, clock: Any, connect: Callable[[], Deferred[Client]], address: str) -> None:
        self._clock = clock
        self._connect = connect
        self._address = address
        self._queue: deque[Letter] = deque()
        self._client: Client | None = None
        self._attempts = 0
        self._is_busy = False
        self._timer: Any = None
        self._is_stopped = False

    def send(self, letter: Letter) -> None:
        if len(self._queue) >= _QUEUE_MAX:
            # the oldest but the one on its way
            lost = self._queue[1]
            del self._queue[1]
            self._give_up(lost, "too many wait")
        self._queue.append(letter)
        if not self._is_busy:
            self._begin()

    def stop(self) -> None:
        self._is_stopped = True
        self._forget_timer()
        if self._client is not None:
            self._client.close()

    def _begin(self) -> None:
        """Send the first of the queue."""
        self._is_busy = True
        self._forget_timer()
        client = self._client
        if client is not None and client.is_open:
            self._call(client)
        else:
            self._connect().addCallbacks(self._call, self._failed).addErrback(self._broken)

    def _call(self, client: Client) -> None:
        if self._is_stopped:
            client.close()
            return
        self._client = client
        letter = self._queue[0]
        called = client.call(_SERVICE, _METHOD, letter.request, [(_NAMESPACE, letter.namespace)], _LIMIT)
        called.addCallbacks(lambda _: self._sent(), self._failed).addErrback(self._broken)

    def _sent(self) -> None:
        letter = self._queue.popleft()
        self._attempts = 0
        if letter.told is not None:
            letter.told()
        self._go_on()

    def _failed(self, failure: Failure) -> None:
        if self._is_stopped:
            return
        client, self._client = self._client, None
        if client is not None:
            client.close()
        if self._attempts >= len(_DELAYS):
            self._attempts = 0
            self._give_up(self._queue.popleft(), failure.getErrorMessage())
            self._go_on()
            return
        delay = _DELAYS[self._attempts]
        self._attempts += 1
        self._timer = self._clock.callLater(delay, self._begin)

    def _go_on(self) -> None:
        self._is_busy = False
        if self._queue:
            self._begin()
        elif not self._is_stopped:
            self._timer = self._clock.callLater(_IDLE, self._hang_up)

    def _hang_up(self) -> None:
        self._timer = None
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _give_up(self, letter: Letter, why: str) -> None:
        self._log.warn(
            "the event {topic} does not reach containerd at {address}: {why}",
            topic=letter.topic,
            address=self._address,
            why=why,
        )
        if letter.told is not None:
            letter.told()

    def _broken(self, failure: Failure) -> None:
        self._log.failure("a fault on the way to containerd", failure)
        if not self._is_stopped:
            self._forget_timer()
            self._timer = self._clock.callLater(_DELAYS[-1], self._go_on)

    def _forget_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
