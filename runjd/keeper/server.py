"""
The keeper's socket: one daemon at a time.

A daemon may die at any byte of a message; what it had sent whole is carried out.
Nothing is lost with it: whoever connects next is told of everything there is.
"""

from __future__ import annotations

import _socket
import os

from runjd.errors import Busy, Denied, RunjdError
from runjd.keeper import messages
from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.handover import Talk
from runjd.keeper.loop import HANGUP, READ, WRITE
from runjd.keeper.peer import peer_uid
from runjd.keeper.wire import WireError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable, Mapping
    from functools import partial

    from runjd.keeper.loop import Loop
else:
    from _collections import deque
    from _functools import partial

#: messages that wait for a slow daemon before we stop reading its requests
_QUEUE_MAX = 256
#: seconds that a daemon may take to say hello
_HELLO_TIME = 10.0
#: seconds without accept(2) after it failed, as there are no descriptors left
_PAUSE = 1.0
_READS_MAX = 64


class Session:
    """
    One connection of a daemon.

    :ivar is_open: False: what is sent goes nowhere.
    :ivar run: which life of the daemon it is; empty until it said hello.
    :ivar takes_spools: whether it said that it reads them.
    """

    __slots__ = ("_channel", "_held", "_is_held", "_loop", "_lost", "_received", "_watched", "is_open", "run",
                 "takes_spools")  # fmt: skip

    def __init__(
        self,
        loop: Loop,
        channel: Channel,
        received: Callable[[Session, Parcel], None],
        lost: Callable[[Session, str], None],
    ) -> None:
        self._loop = loop
        self._channel = channel
        self._received = received
        self._lost = lost
        self._watched = READ
        self._is_held = False
        self._held: deque[Parcel] = deque()
        self.is_open = True
        self.run = ""
        self.takes_spools = False
        loop.watch(channel.fileno(), READ, self._ready)

    @property
    def queued(self) -> int:
        """How many messages wait until the daemon takes them."""
        return self._channel.queued

    def hold(self) -> None:
        """Read no more, and keep what was read already, until :meth:`release`."""
        self._is_held = True
        self._watch()

    def release(self) -> None:
        """Go on, with what was kept."""
        self._is_held = False
        while self._held and not self._is_held:
            self._received(self, self._held.popleft())
        self._watch()

    def talk(self, req: int) -> Talk:
        """Return all there is to it while it is held, for whoever goes on in our place and answers that request."""
        channel = self._channel
        rest, arrived, held = channel.rest, channel.arrived, tuple(self._held)
        return Talk(channel.fileno(), self.run, self.takes_spools, req, rest, arrived, held)

    def go_on(self, talk: Talk) -> None:
        """Be what another version of us had, held."""
        self.run, self.takes_spools = talk.run, talk.takes_spools
        self._held.extend(talk.held)
        self.hold()

    def send(self, make: Callable[[], Parcel | str]) -> None:
        """Send what the function returns when its turn comes."""
        if self.is_open:
            self._channel.send(make)
            if not self._watched & WRITE:
                self._flush()

    def say(self, message: Mapping[str, object]) -> None:
        """Send a message without descriptors."""
        self.send(lambda: Parcel(message))

    def say_json(self, message: str) -> None:
        """Send a message without descriptors that is JSON already."""
        self.send(lambda: message)

    def read(self) -> None:
        """Take in what one read brings."""
        try:
            parcels = self._channel.receive()
        except EOFError:
            self.close("it closed the connection")
        except WireError as error:
            self.close(f"it sent {error}")
        except OSError as error:
            self.close(f"{error.strerror}")
        else:
            for parcel in parcels:
                if self._is_held:
                    self._held.append(parcel)
                else:
                    self._received(self, parcel)

    def close(self, reason: str) -> None:
        """Close the connection; nothing to do where it is closed."""
        if self.is_open:
            self.is_open = False
            self._loop.unwatch(self._channel.fileno())
            self._channel.close()
            self._lost(self, reason)

    def is_gone(self) -> bool:
        """Whether the daemon is, although the loop has not said so yet; takes in what it left."""
        for _ in range(_READS_MAX):
            if not self.is_open or not self._channel.is_hung_up():
                break
            self.read()
        return not self.is_open

    def _ready(self, mask: int) -> None:
        if mask & (READ | HANGUP):
            self.read()
        if self.is_open and mask & WRITE:
            self._flush()

    def _flush(self) -> None:
        try:
            self._channel.flush()
        except (OSError, WireError) as error:
            self.close(f"it cannot be told: {error}")
            return
        self._watch()

    def _watch(self) -> None:
        """Wait for what is due next."""
        if not self.is_open:
            return
        queued = self._channel.queued
        # Bounded: the rest of what may queue up is one answer for each worker, one exit for each process.
        watched = (WRITE if queued else 0) | (READ if queued < _QUEUE_MAX and not self._is_held else 0)
        if watched != self._watched:
            self._watched = watched
            self._loop.change(self._channel.fileno(), watched)


class Server:
    """
    Accepts the daemon.

    :param listener: a listening Unix socket.
    :param uids: of whom a daemon may be a process.
    :param received: called with each message of a daemon; what came along is the callee's.
    :param lost: called when a daemon is gone, with the reason.
    :param log: told of who came and went.
    """

    def __init__(
        self,
        loop: Loop,
        listener: _socket.socket,
        uids: tuple[int, ...],
        received: Callable[[Session, Parcel], None],
        lost: Callable[[Session], None],
        log: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._listener = listener
        self._uids = uids
        self._received = received
        self._lost_session = lost
        self._log = log
        self.session: Session | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._listener.setblocking(False)
        self._loop.watch(self._listener.fileno(), READ, lambda _: self._accept())

    def renew(self, listener: _socket.socket) -> None:
        """Accept from another socket, which gets the descriptor of ours."""
        self._loop.unwatch(self._listener.fileno())
        os.dup2(listener.fileno(), self._listener.fileno(), inheritable=False)
        listener.close()
        self.start()

    def go_on(self, talk: Talk) -> Session:
        """Take over the daemon that another version of us had, held."""
        channel = Channel(_socket.socket(fileno=talk.fd), talk.rest, talk.arrived)
        self.session = Session(self._loop, channel, self._received, self._lost)
        self.session.go_on(talk)
        return self.session

    def _accept(self) -> None:
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]  # what socket.accept is made of
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            self._log(f"cannot accept a daemon: {error.strerror}; next try in {_PAUSE:g} s")
            self._loop.unwatch(self._listener.fileno())
            self._loop.call_later(_PAUSE, self.start)
            return
        connection = _socket.socket(fileno=fd)
        channel = Channel(connection)
        refusal = self._refusal(connection)
        if refusal is None:
            self.session = Session(self._loop, channel, self._received, self._lost)
            self._loop.call_later(_HELLO_TIME, partial(_want_hello, self.session))
        else:
            self._log(f"refused a daemon: {refusal}")
            channel.send(lambda: Parcel(messages.tell_failed(None, refusal)))
            try:
                channel.flush()
            except OSError:
                pass  # it is not interested
            channel.close()

    def _refusal(self, connection: _socket.socket) -> RunjdError | None:
        try:
            uid = peer_uid(connection)
        except OSError as error:
            return Denied(f"the keeper cannot see whose process this is: {error.strerror}")
        if uid not in self._uids:
            return Denied(f"the keeper serves processes of user {self._uids[0]}, this is one of user {uid}")
        if self.session is not None and not self.session.is_gone():
            return Busy("the keeper has a daemon already; two cannot share the same directories", retry_ms=1000)
        return None

    def _lost(self, session: Session, reason: str) -> None:
        self._log(f"daemon {session.run or '(without a name)'} is gone: {reason}")
        if self.session is session:
            self.session = None
        self._lost_session(session)


def _want_hello(session: Session) -> None:
    if not session.run:
        session.close("it did not say hello")
