"""
The daemon's end of the keeper's wire.

An own reader and writer on the socket, as Twisted's receiver of descriptors
ignores that some were lost (MSG_CTRUNC) and does not ask for close-on-exec.

The order that the keeper promises: at connection, ``process_found`` for all it
has, each followed by its ``process_exited`` where it ended, then ``ready``;
later, the result of ``run`` and ``exec`` before the ``process_exited`` of that
process.  Whatever is a descriptor is the receiver's from then on.
"""

from __future__ import annotations

import _socket
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, TypeVar, cast

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from runjd.errors import Busy, Denied, InputOutput, KeeperLost, LimitReached, RunjdError, Unsupported, from_record
from runjd.keeper import messages
from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.peer import connect_by_path, peer_uid
from runjd.protocols.keeperlink import DescriptorReactor, KeeperLink
from runjd.protocols.keeperreplies import (
    Exited,
    Found,
    Greeting,
    Launched,
    ReplyError,
    read_exited,
    read_found,
    read_greeting,
    read_launched,
    read_only_descriptor,
    read_process,
    read_request,
    read_upgraded,
)

_log = Logger()
_T = TypeVar("_T")

#: seconds that a keeper may take to greet
GREETING_TIME = 10.0
_NO_SCOPES = "the keeper is of a version that has no control groups made by systemd; `runjctl upgrade` replaces it"


class KeeperAbsent(InputOutput):
    """Nobody listens on the keeper's socket."""


class KeeperListener(Protocol):
    """Told what the keeper tells without being asked. What it raises is logged."""

    def process_found(self, found: Found) -> None:
        """
        Take a process over.

        After ``ready`` too: one that an earlier daemon, or a cancelled request,
        asked for.
        """

    def process_exited(self, exited: Exited) -> None:
        """A process ended; ``ack`` it once it is dealt with, else it is told to the next daemon again."""

    def leftover_found(self, jail: str) -> None:
        """A container does not run, and something of it is on the host that the keeper knows nothing of."""

    def keeper_troubled(self, reason: str) -> None:
        """The keeper cannot write down exits, which it keeps in memory; or (by an empty reason) it can again."""

    def ready(self) -> None:
        """All that the keeper has was told."""

    def keeper_lost(self, reason: str) -> None:
        """The connection ended; all that was asked failed with KeeperLost. Called once, not after ``disconnect``."""


class KeeperReactor(DescriptorReactor, Protocol):
    """What is needed of the reactor: IReactorFDSet and IReactorTime."""

    def callLater(self, delay: float, callable: Callable[..., object], *args: object) -> IDelayedCall: ...


class KeeperClient:
    """
    One connection to the keeper; a new one needs a new client.

    :param path: the keeper's socket.
    :param listener: see :class:`KeeperListener`.
    :param run: identifies this life of the daemon, for the keeper's log.
    :param processes_max: so many processes may be known or asked for at the same time; each comes with descriptors,
        and one that finds no room in our table would be lost with all behind it.
    """

    def __init__(
        self,
        reactor: KeeperReactor,
        path: str,
        listener: KeeperListener,
        run: str,
        processes_max: int = 1 << 20,
    ) -> None:
        self._reactor = reactor
        self._path = path
        self._listener = listener
        self._run = run
        self._link: KeeperLink | None = None
        self._greeted: Deferred[Greeting] | None = None
        self._keeper: Greeting | None = None
        self._deadline: IDelayedCall | None = None
        self._waiting: dict[int, _Request] = {}
        self._last_req = 0
        self._refused: RunjdError | None = None
        self._processes_max = processes_max
        self._processes: set[tuple[str, str, int]] = set()

    @property
    def is_connected(self) -> bool:
        """Whether requests can be made."""
        return self._link is not None

    def connect(self) -> Deferred[Greeting]:
        """
        Connect; the listener hears of the processes afterwards.

        :return: fails with :class:`KeeperAbsent` if nobody listens, with another
            error if the keeper refuses (as it has a daemon).
        """
        try:
            channel = _connect(self._path)
        except RunjdError as error:
            return fail(error)
        self._greeted = Deferred(lambda _: self._lose("the greeting was not waited for", tell=False))
        self._deadline = self._reactor.callLater(
            GREETING_TIME, self._lose, f"it did not greet within {GREETING_TIME:.0f} s"
        )
        self._link = KeeperLink(self._reactor, channel, self._received, self._lose)
        greeted = self._greeted
        self._link.start()
        self._link.send(messages.ask_hello(self._run))
        return greeted

    def disconnect(self) -> None:
        """Close the connection; what was asked fails with KeeperLost, the listener hears no more."""
        self._lose("the daemon closed the connection", tell=False)

    def run(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        ready: str = "",
    ) -> Deferred[Launched]:
        """
        Create and start a jail.

        Cancelled, it goes on, and the listener finds the process.

        :param size: (rows, columns) of its terminal, if its bundle asks for one.
        :param note: JSON values that come back in :class:`Found`.
        :param ready: ``fd:3`` or ``notify``, where the program tells by that when it is ready; our end is in
            ``descriptors`` as ``ready`` or ``notify``.
        :return: fires before any exit of the process is told.
        """

        def late(reply: Parcel) -> None:
            self._found_late(read_launched(reply), jail, "", stdin, note)

        return self._launch(
            jail, "", lambda req: messages.ask_run(req, jail, bundle, runtime, stdin, size, note, ready), late
        )

    def create(
        self,
        jail: str,
        bundle: str,
        runtime: str,
        *,
        stdio: Mapping[str, object],
        mounts: Sequence[Mapping[str, object]],
        note: Mapping[str, object],
        scopes: bool = False,
    ) -> Deferred[Launched]:
        """
        Create a jail that waits for :meth:`start`; see :func:`runjd.keeper.messages.ask_create`.

        Fails with UNSUPPORTED where it is to have ``scopes`` and the keeper is too old to know of them.
        """
        if scopes and self._keeper is not None and not self._keeper.knows_scopes:
            return fail(Unsupported("", _NO_SCOPES))

        def late(reply: Parcel) -> None:
            self._found_late(read_launched(reply), jail, "", bool(stdio.get("in")), note)

        return self._launch(
            jail, "", lambda req: messages.ask_create(req, jail, bundle, runtime, stdio, mounts, note, scopes), late
        )

    def start(self, jail: str) -> Deferred[None]:
        """Execute the program of a created jail; fires when that was seen. Fails with STATE where none waits."""
        return self._ask(lambda req: messages.ask_start(req, jail), _nothing)

    def change(self, jail: str, change: str, changes: Mapping[str, object] | None = None) -> Deferred[None]:
        """``pause`` a jail, ``resume`` it, or ``update`` its limits by ``changes`` of linux.resources."""
        return self._ask(lambda req: messages.ask_change(req, jail, change, changes), _nothing)

    def exec(
        self,
        jail: str,
        exec_id: str,
        process: Mapping[str, object],
        *,
        stdin: bool,
        size: tuple[int, int] | None,
        note: Mapping[str, object],
        stdio: Mapping[str, object] | None = None,
    ) -> Deferred[Launched]:
        """
        Run another process in a jail.

        :param process: as in ``process`` of config.json.
        :param stdio: where its standard streams come from, see :func:`runjd.keeper.messages.ask_create`.
        """

        def late(reply: Parcel) -> None:
            self._found_late(read_launched(reply), jail, exec_id, stdin, note)

        return self._launch(
            jail, exec_id, lambda req: messages.ask_exec(req, jail, exec_id, process, stdin, size, note, stdio), late
        )

    def signal(
        self, jail: str, signum: int, *, exec_id: str = "", everyone: bool = False, once: str = ""
    ) -> Deferred[None]:
        """
        Signal the init process, an exec process, or every process of the jail. Fails with STATE where it ended.

        :param once: marks what is asked for, for a daemon that may ask again; empty: this one does not.
        """
        return self._ask(lambda req: messages.ask_signal(req, jail, exec_id, signum, everyone, once), _nothing)

    def delete(self, jail: str, *, force: bool = False, bundle: str = "") -> Deferred[None]:
        """
        Remove a stopped jail from the host; with ``force`` kill it first. Its exits are told before this fires.

        :param bundle: whose root is unmounted, too.
        """
        return self._ask(lambda req: messages.ask_delete(req, jail, force, bundle), _nothing)

    def close_stdin(self, jail: str, exec_id: str = "") -> Deferred[None]:
        """Close the keeper's writing end; close your own too, then the process reads end of file."""
        return self._ask(lambda req: messages.ask_close_stdin(req, jail, exec_id), _nothing)

    def stdin(self, jail: str, exec_id: str = "") -> Deferred[int]:
        """Return a writing end of standard input, non-blocking. Fails with STATE where it was closed or never open."""
        return self._ask(lambda req: messages.ask_stdin(req, jail, exec_id), read_only_descriptor)

    def process(self, jail: str) -> Deferred[Mapping[str, object]]:
        """Return ``process`` of the jail's config.json."""
        return self._ask(lambda req: messages.ask_process(req, jail), read_process)

    def hold(self, jail: str, pid: int, terminal: Callable[[], int]) -> None:
        """
        Hand over the terminal of an init process whose own keeper was killed.

        :param terminal: returns its descriptor, which stays the caller's; -1 once it is closed.
        """

        def make() -> Parcel | None:
            fd = terminal()
            return Parcel(messages.ask_hold(jail, pid), (fd,)) if fd >= 0 else None

        if self._link is not None:
            self._link.send_parcel(make)

    def settle(self, jail: str, pid: int) -> None:
        """Say that an init process is ready; the keeper closes what it told that by."""
        if self._link is not None:
            self._link.send(messages.ask_settle(jail, pid))

    def ack(self, jail: str, exec_id: str, pid: int) -> None:
        """Say that an exit is dealt with; the keeper forgets it and closes its descriptors."""
        self._processes.discard((jail, exec_id, pid))
        if self._link is not None:
            self._link.send(messages.ask_ack(jail, exec_id, pid))

    def shutdown(self) -> Deferred[None]:
        """End the keeper. Fails with STATE while a jail lives."""
        return self._ask(messages.ask_shutdown, _nothing)

    def upgrade(self) -> Deferred[tuple[str, str] | None]:
        """
        Have the keeper replaced by the version that is installed; it keeps all it has, and this connection.

        :return: its versions before and after; None: it is too old for that.
        """
        if self._keeper is not None and not self._keeper.can_be_replaced:
            return succeed(None)
        return self._ask(messages.ask_upgrade, read_upgraded)

    def _launch(
        self, jail: str, exec_id: str, message: Callable[[int], Mapping[str, object]], late: Callable[[Parcel], None]
    ) -> Deferred[Launched]:
        """Ask for a process, if there is room for its descriptors."""
        known = len(self._processes) + sum(request.is_launch for request in self._waiting.values())
        if known >= self._processes_max:
            return fail(
                LimitReached(
                    f"there are {known} processes of jails, and the daemon's limit of descriptors (RLIMIT_NOFILE) is "
                    f"enough for {self._processes_max}; raise it, see LIMITS in runjd(8)"
                )
            )

        def launched(reply: Parcel) -> Launched:
            found = read_launched(reply)
            self._processes.add((jail, exec_id, found.pid))
            return found

        return self._ask(message, launched, late, is_launch=True)

    def _ask(
        self,
        message: Callable[[int], Mapping[str, object]],
        result: Callable[[Parcel], _T],
        late: Callable[[Parcel], None] | None = None,
        is_launch: bool = False,
    ) -> Deferred[_T]:
        if self._link is None:
            return fail(KeeperLost("there is no connection to the keeper"))
        self._last_req += 1
        req = self._last_req
        request = _Request(result, late or _nothing, is_launch)
        self._waiting[req] = request
        self._link.send(message(req))
        return cast("Deferred[_T]", request.deferred)

    def _found_late(self, got: Launched, jail: str, exec_id: str, stdin: bool, note: Mapping[str, object]) -> None:
        """Hand over what a cancelled request made."""
        self._processes.add((jail, exec_id, got.pid))
        stdin_open = stdin and not got.terminal
        self._listener.process_found(
            Found(jail, exec_id, got.pid, got.start, got.jid, got.terminal, stdin_open, note, got.descriptors)
        )

    def _received(self, parcel: Parcel) -> None:
        """Take one message; anything wrong with it is logged, and its descriptors are closed."""
        kind = parcel.message.get("m")
        try:
            if kind == "hello":
                self._greeting(read_greeting(parcel))
            elif kind == "done":
                self._done(parcel)
            elif kind == "failed":
                self._failed(parcel)
            elif kind == "process":
                found = read_found(parcel)
                self._processes.add((found.jail, found.exec_id, found.pid))
                self._listener.process_found(found)
            elif kind == "exit":
                self._listener.process_exited(read_exited(parcel))
            elif kind == "leftover":
                parcel.drop()
                self._listener.leftover_found(str(parcel.message.get("jail", "")))
            elif kind == "trouble":
                parcel.drop()
                self._listener.keeper_troubled(str(parcel.message.get("reason", "")))
            elif kind == "ready":
                self._listener.ready()
            else:  # a newer keeper's
                parcel.drop()
        except Exception:
            _log.failure("the keeper's message {kind!r} could not be dealt with", kind=kind)

    def _greeting(self, greeting: Greeting) -> None:
        greeted, self._greeted = self._greeted, None
        self._keeper = greeting
        self._stop_waiting_for_greeting()
        if greeted is not None:
            greeted.callback(greeting)

    def _done(self, parcel: Parcel) -> None:
        request = self._waiting.pop(read_request(parcel), None)
        if request is None:
            parcel.drop()
        else:
            request.answer(parcel)

    def _failed(self, parcel: Parcel) -> None:
        record = parcel.message.get("error")
        error = from_record(record if isinstance(record, dict) else {})
        if "req" not in parcel.message:
            self._refused = error
            self._lose(f"it refused the connection: {error}")
        elif request := self._waiting.pop(read_request(parcel), None):
            request.fail(error)

    def _lose(self, reason: str, tell: bool = True) -> None:
        link, self._link = self._link, None
        if link is None:
            return
        link.stop()
        self._stop_waiting_for_greeting()
        lost = KeeperLost(f"the connection to the keeper was lost: {reason}")
        greeted, self._greeted = self._greeted, None
        waiting, self._waiting = self._waiting, {}
        for request in waiting.values():
            request.fail(lost)
        if greeted is not None:
            greeted.errback(self._refused or lost)
        elif tell:
            try:
                self._listener.keeper_lost(reason)
            except Exception:
                _log.failure("the loss of the keeper could not be dealt with")

    def _stop_waiting_for_greeting(self) -> None:
        deadline, self._deadline = self._deadline, None
        if deadline is not None and deadline.active():
            deadline.cancel()


class _Request:
    """One request that waits for its answer."""

    def __init__(
        self, result: Callable[[Parcel], object], late: Callable[[Parcel], None], is_launch: bool = False
    ) -> None:
        self.is_launch = is_launch
        self.deferred: Deferred[object] = Deferred(lambda _: self._cancelled())
        self._result = result
        self._late = late
        self._is_cancelled = False

    def answer(self, parcel: Parcel) -> None:
        if self._is_cancelled:
            self._late(parcel)
            return
        try:
            result = self._result(parcel)
        except ReplyError as error:
            self.deferred.errback(KeeperLost(f"the keeper's answer cannot be used: {error}"))
        else:
            self.deferred.callback(result)

    def fail(self, error: RunjdError) -> None:
        if not self._is_cancelled:
            self.deferred.errback(error)

    def _cancelled(self) -> None:
        self._is_cancelled = True


def _connect(path: str) -> Channel:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        connect_by_path(connection, path)
        uid = peer_uid(connection)
        if uid not in (os.geteuid(), 0):
            raise Denied(f"who listens on {path} is user {uid}, not the keeper of user {os.geteuid()}")
    except BlockingIOError:
        connection.close()
        raise Busy(f"too many connect to {path} at once") from None
    except OSError as error:
        connection.close()
        raise KeeperAbsent(f"nobody listens on {path}: {error.strerror}") from error
    except RunjdError:
        connection.close()
        raise
    return Channel(connection)


def _nothing(parcel: Parcel) -> None:
    parcel.drop()
