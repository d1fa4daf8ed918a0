"""Accepts containerd, and ends when it is of no more use."""

from __future__ import annotations

import _socket
import os
import select

from runjd.containerd.relay.hello import Hello, format_hello
from runjd.containerd.relay.relayed import Relayed
from runjd.keeper.loop import READ
from runjd.keeper.peer import peer_uid

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.containerd.relay.place import Place
    from runjd.containerd.relay.route import Route
    from runjd.keeper.loop import Loop, Timer
    from runjd.protocols.ttrpc.call import Origin

#: seconds without accept(2) after it failed, as there are no descriptors left
_PAUSE = 1.0


class Relay:
    """
    All connections of one containerd and namespace.

    :param listener: where containerd connects.
    :param place: the files of this relay.
    :param route: to the daemon.
    :param origin: whose calls come.
    :param name: begins the names of connections; no other relay has it.
    :param idle: seconds without a connection, after which it ends if no bundle needs it.
    :param log: told of what is no everyday matter.
    """

    def __init__(
        self,
        loop: Loop,
        listener: _socket.socket,
        place: Place,
        route: Route,
        origin: Origin,
        name: str,
        idle: float,
        log: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._place = place
        self._route = route
        self._origin = origin
        self._name = name
        self._idle = idle
        self._log = log
        self._count = 0
        self._open: set[Relayed] = set()
        self._end: Timer | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._listen()
        self._wait_for_end()

    def _listen(self) -> None:
        self._loop.watch(self._listener.fileno(), READ, lambda _: self._accept())

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept is made of
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            self._log(f"cannot accept containerd: {error.strerror}; next try in {_PAUSE:g} s")
            self._loop.unwatch(self._listener.fileno())
            self._loop.call_later(_PAUSE, self._listen)
            return
        front = _socket.socket(fileno=fd)
        if not self._is_welcome(front):
            front.close()
            return
        self._count += 1
        connection = f"{self._name}-{self._count}"

        def hello(given: int) -> bytes:
            return format_hello(Hello(self._origin, connection, given))

        self._open.add(Relayed(self._loop, front, self._route, hello, self._lost))

    def _is_welcome(self, front: _socket.socket) -> bool:
        try:
            uid = peer_uid(front)
        except OSError as error:
            self._log(f"refused a process, as the system does not say whose it is: {error.strerror}")
            return False
        if uid in (os.geteuid(), 0):
            return True
        self._log(f"refused a process of user {uid}")
        return False

    def _lost(self, relayed: Relayed) -> None:
        self._open.discard(relayed)
        self._wait_for_end()

    def _wait_for_end(self) -> None:
        if not self._open and self._end is None:
            self._end = self._loop.call_later(self._idle, self._end_if_idle)

    def _end_if_idle(self) -> None:
        self._end = None
        if self._open:
            return
        if self._place.is_needed() or not self._place.leave(self._is_somebody_there):
            self._wait_for_end()
            return
        self._log(f"nobody needs this relay any more, for {self._origin.namespace} of {self._origin.containerd}")
        self._loop.stop()

    def _is_somebody_there(self) -> bool:
        poll = select.poll()
        poll.register(self._listener.fileno(), select.POLLIN)
        return bool(poll.poll(0))
