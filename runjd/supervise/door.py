"""The doors through which clients come in: the control socket, and others beside it."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IListeningPort, IProtocolFactory
from twisted.logger import Logger

from runjd.config.endpoints import Endpoint
from runjd.errors import InputOutput, RunjdError
from runjd.protocols.control.factory import ControlFactory
from runjd.protocols.control.listen import ControlPort, listen_unix
from runjd.supervise.daemon import Door
from runjd.supervise.degradation import Degradation

#: seconds until a side door that could not be opened is tried again
AGAIN = 30.0
#: seconds until it is looked again whether the control socket is there
LOOK = 2.0
#: connections that may wait to be accepted
_BACKLOG = 128


class ControlDoor:
    """
    A :class:`runjd.supervise.daemon.Door`, which is made again where somebody removed its socket.

    :param path: of the socket.
    :param factory: of the connections.
    :param reactor: which listens.
    :param degradation: told where it cannot be made again.
    :param handed: the listening socket, where an earlier version of this process handed it on; -1: none.
    """

    _log = Logger(namespace="runjd.protocols.control")

    def __init__(
        self, path: str, factory: ControlFactory, reactor: Any, degradation: Degradation, handed: int = -1
    ) -> None:
        self._path = path
        self._factory = factory
        self._reactor = reactor
        self._degradation = degradation
        self._port: ControlPort | None = None
        self._group: int | None = None
        self._handed = handed
        self._reason = ""
        self._call: IDelayedCall | None = None

    def admit_group(self, gid: int | None) -> None:
        """Let the members of a group come in, from now on or from when it is open on; None: nobody but us, and root."""
        self._group = gid
        if self._port is None:
            return
        try:
            self._port.admit_group(gid)
        except RunjdError as error:
            self._log.error("{error}", error=error)

    def open(self) -> None:
        handed, self._handed = self._handed, -1
        if handed >= 0 and not _leads_to(self._path, handed):
            os.close(handed)  # the configuration, or somebody, has another one there now
            handed = -1
        self._port = listen_unix(self._path, self._factory, self._reactor, handed=handed)
        self.admit_group(self._group)
        self._call = self._reactor.callLater(LOOK, self._look)

    def hand_on(self, reason: str) -> int:
        """
        Return the listening socket, for another daemon; it stays when the door is closed.

        :param reason: told to the clients when it is closed.
        :return: a descriptor, which is the caller's; -1 where the door is closed.
        """
        self._reason = reason
        return -1 if self._port is None else self._port.hand_on()

    def close(self, reason: str) -> Deferred[None] | None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        port, self._port = self._port, None
        if port is None:
            return None
        self._factory.close_all(self._reason or reason)
        stopped: Deferred[None] | None = port.stopListening()  # type: ignore[no-untyped-call]
        return stopped

    def _look(self) -> None:
        complaint = ""
        if self._port is not None and not self._port.is_there:
            complaint = self._make_again()
        self._degradation.tell("door", complaint)
        self._call = self._reactor.callLater(LOOK, self._look)

    def _make_again(self) -> str:
        """Listen anew; return why that cannot be. Whoever is connected stays."""
        before = self._port
        try:
            self._port = listen_unix(self._path, self._factory, self._reactor)
        except RunjdError as error:
            return f"the control socket was removed, and cannot be made again: {error}"
        self.admit_group(self._group)
        self._log.warn("the control socket {path} was removed, and is made again", path=self._path)
        if before is not None:
            before.stopListening()  # type: ignore[no-untyped-call]
        return ""


class SideDoor:
    """
    A :class:`runjd.supervise.daemon.Door` that is not the main one: what is wrong with it keeps nobody else out.

    The address may come later than the daemon, so it is tried again until it works.

    :param name: what it is, for messages.
    :param check: raises a RunjdError while it cannot be opened.
    :param listen_tcp: listens as the reactor's method does, which it is where there is none.
    """

    _log = Logger()

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        factory: IProtocolFactory,
        reactor: Any,
        check: Callable[[], None] = lambda: None,
        listen_tcp: Callable[..., IListeningPort] | None = None,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._factory = factory
        self._reactor = reactor
        self._check = check
        self._listen_tcp: Callable[..., IListeningPort] = listen_tcp or reactor.listenTCP
        self._port: IListeningPort | None = None
        self._call: IDelayedCall | None = None
        self._is_told = False

    @property
    def port(self) -> IListeningPort | None:
        """What listens; None: nothing does."""
        return self._port

    def open(self) -> None:
        self._call = None
        try:
            self._port = self._listen()
        except RunjdError as error:
            if not self._is_told:
                self._log.error("{error}; tried again until it works", error=error)
            self._is_told = True
            self._call = self._reactor.callLater(AGAIN, self.open)
        else:
            self._is_told = False
            self._log.info("{name}: listens at {endpoint}", name=self._name, endpoint=self._endpoint)

    def close(self, reason: str) -> Deferred[None] | None:
        if self._call is not None:
            self._call.cancel()
            self._call = None
        port, self._port = self._port, None
        stopped: Deferred[None] | None = None if port is None else port.stopListening()
        return stopped

    def _listen(self) -> IListeningPort:
        self._check()
        at = self._endpoint
        if at.path:
            return listen_unix(at.path, self._factory, self._reactor, at.mode, self._name)
        try:
            return self._listen_tcp(at.port, self._factory, _BACKLOG, at.interface)
        except CannotListenError as error:
            raise InputOutput(f"{self._name}: cannot listen at {at}: {error.socketError}") from error


class Doors:
    """Several doors as one; the first is the main one."""

    def __init__(self, doors: Sequence[Door]) -> None:
        self._doors = doors

    def open(self) -> None:
        for each in self._doors:
            each.open()

    def close(self, reason: str) -> Deferred[None]:
        closed = [each.close(reason) for each in self._doors]
        return DeferredList([each for each in closed if each is not None]).addCallback(lambda _: None)


def _leads_to(path: str, fd: int) -> bool:
    """Return whether a path is that of a listening socket."""
    try:
        with socket.socket(fileno=os.dup(fd)) as ours:
            is_meant = ours.getsockname() == path and ours.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
        return is_meant and stat.S_ISSOCK(os.lstat(path).st_mode)
    except OSError:
        return False
