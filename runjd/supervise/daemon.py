"""The daemon as one service of Twisted: up in order, down in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import RunjdError
from runjd.logs.contract import LogWriter
from runjd.supervise.configuration import LiveConfiguration
from runjd.supervise.connection import KeeperConnection
from runjd.supervise.controller import Controller
from runjd.supervise.vigil import Vigil

#: seconds that a keeper gets to start and tell what it has
KEEPER_LIMIT = 20.0
#: seconds that a full disk may delay the end of the daemon
LOGS_LIMIT = 2.0


class Door(Protocol):
    """Where the clients come in."""

    def open(self) -> None:
        """Listen. :raise RunjdError: it cannot be."""

    def close(self, reason: str) -> Deferred[None] | None:
        """Listen no more, and close all connections."""


class Attendant(Protocol):
    """What goes on beside the jails, from the start to the end."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """Be done."""


class Daemon(Service):
    """
    All of it, running.

    Jails are adopted first, then the configuration is taken, then clients come in; at the end clients leave first,
    then all output that was read is written, then the keeper is left to itself.

    :param attendants: what goes on beside it.
    :param at_start: called before anything else is done.
    :param at_ready: called when the jails are adopted and clients can come.
    :param at_stop: called when the end begins.
    :param fatal: ends the daemon with an error, told in one line.
    :param unlock: gives the directories free.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        controller: Controller,
        configuration: LiveConfiguration,
        connection: KeeperConnection,
        door: Door,
        writer: LogWriter,
        vigil: Vigil,
        attendants: Sequence[Attendant],
        at_start: Callable[[], None],
        at_ready: Callable[[], None],
        at_stop: Callable[[], None],
        fatal: Callable[[str], None],
        unlock: Callable[[], None],
    ) -> None:
        self._clock = clock
        self._controller = controller
        self._configuration = configuration
        self._connection = connection
        self._door = door
        self._writer = writer
        self._vigil = vigil
        self._attendants = attendants
        self._at_start = at_start
        self._at_ready = at_ready
        self._at_stop = at_stop
        self._fatal = fatal
        self._unlock = unlock
        self._deadline: IDelayedCall | None = None

    def startService(self) -> None:
        super().startService()  # type: ignore[no-untyped-call]
        self._at_start()
        try:
            self._writer.start()
        except RunjdError as error:
            self._fatal(str(error))
            return
        self._vigil.start()
        for each in self._attendants:
            each.start()
        self._deadline = self._clock.callLater(KEEPER_LIMIT, self._late)
        self._controller.when_ready().addCallback(self._ready).addErrback(self._failed)
        self._connection.start()

    def stopService(self) -> Deferred[None]:
        super().stopService()  # type: ignore[no-untyped-call]
        self._forget_deadline()
        self._at_stop()
        self._configuration.end()
        self._controller.note_ends()  # those that follow nobody may hear any more
        closed: Deferred[Any] = maybeDeferred(self._door.close, "the daemon ends")
        closed.addErrback(self._tell)
        closed.addCallback(lambda _: self._written())
        closed.addErrback(self._tell)
        closed.addCallback(lambda _: self._end())
        return closed

    def _ready(self, _: None) -> Deferred[None]:
        self._forget_deadline()
        return self._configuration.begin().addCallback(self._open)

    def _open(self, _: None) -> None:
        if self.running:
            self._door.open()
            self._at_ready()

    def _failed(self, failure: Failure) -> None:
        self._fatal(failure.getErrorMessage())

    def _late(self) -> None:
        self._deadline = None
        self._fatal(f"the keeper did not answer within {KEEPER_LIMIT:.0f} s")

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _written(self) -> Deferred[None]:
        """Fire when all that was read is in the logs, or is late."""
        result: Deferred[None] = Deferred()

        def once(_: object = None) -> None:
            if not result.called:
                if late.active():
                    late.cancel()
                result.callback(None)

        late = self._clock.callLater(LOGS_LIMIT, once)
        self._controller.let_go().addBoth(once)
        self._connection.stop()  # from now on an exit is the next daemon's business
        return result

    def _end(self) -> None:
        for each in self._attendants:
            each.stop()
        self._vigil.stop()
        self._writer.stop()
        self._unlock()

    def _tell(self, failure: Failure) -> None:
        self._log.failure("the daemon could not end in order", failure)
