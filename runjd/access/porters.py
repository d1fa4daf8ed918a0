"""
Seeing to it that there is a porter, and giving him the connections of those who come.

He is replaced where the papers are, and keeps those who are with him; where he dies, or is killed as he gives no sign
of life, another one is started, later and later, and only those who came by TLS are cut off.  None outlasts the
daemon, whatever it becomes.
"""

from __future__ import annotations

import json
import pwd
import socket
import time
from typing import Any

from twisted.logger import Logger

from runjd.access.ownprogram import own_program
from runjd.access.papers import Papers
from runjd.access.porter.word import DESK
from runjd.access.porterprocess import PorterProcess
from runjd.values import Value

#: seconds before another porter is started where one died, the first time and at most; and for which one has to live
#: so that it begins anew
_FIRST, _LONGEST, _GOOD = 1.0, 60.0, 60.0
#: seconds between two questions whether one is alive
_INTERVAL = 3.0
_NOBODY = 65_534
#: porters of papers of before, which stay as long as somebody does that came by them; the first of more is killed
_FORMER_MAX = 2
#: seconds that porters have at the end of the daemon to send what it said last
_LAST = 0.5

_log = Logger(namespace="runjd.access")


class Rights(Value):
    """
    What the porter keeps.

    :ivar uid: his user, where we are root.
    :ivar gid: his group.
    :ivar root: a directory in which nothing is.
    :ivar descriptors: how many he may have.
    """

    uid: int
    gid: int
    root: str
    descriptors: int


def porter_rights(root: str, descriptors: int) -> Rights:
    """
    Return what the porter keeps.

    :param root: see :class:`Rights`.
    :param descriptors: likewise.
    """
    try:
        found = pwd.getpwnam("nobody")
        return Rights(found.pw_uid, found.pw_gid, root, descriptors)
    except KeyError:
        return Rights(_NOBODY, _NOBODY, root, descriptors)


class Porters:
    """
    The porter of this moment.

    :param interval: seconds between questions to each whether he is alive; who misses several is killed.
    :ivar pid: his; 0: there is none.
    """

    def __init__(self, reactor: Any, rights: Rights, interval: float = _INTERVAL) -> None:
        self._reactor = reactor
        self._rights = rights
        self._interval = interval
        self._papers: Papers | None = None
        self._desk: socket.socket | None = None
        self._timer: Any = None
        self._delay = _FIRST
        self._began = 0.0
        self._current: PorterProcess | None = None
        self._alive: dict[PorterProcess, None] = {}
        self._at_end: Any = None
        self.pid = 0

    def take(self, papers: Papers) -> None:
        """Have those who come from now on be shown these papers."""
        if papers == self._papers and self._current is not None:
            return
        self._papers = papers
        self._delay = _FIRST
        self._start()

    def give(self, outside: socket.socket, way: socket.socket) -> bool:
        """Give the porter a connection, and the way to us for it; False: nobody is there who could take them."""
        if self._desk is None:
            return False
        try:
            socket.send_fds(self._desk, [b"c"], [outside.fileno(), way.fileno()])
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """Give nobody anything any more; the porter ends once the connections have."""
        self._papers = None
        self._forget()

    def _start(self) -> None:
        self._forget()
        if self._papers is None:
            return
        told = json.dumps(self._rights._asdict() | {"papers": self._papers.to_json()})
        porter = PorterProcess(self._reactor, self._ended, told, self._interval)
        try:
            self._desk, self.pid = self._spawn(porter)
        except OSError as error:
            _log.error("no process can be started that speaks TLS: {error}", error=error)
            self._later()
            return
        self._current = porter
        self._alive[porter] = None
        self._bound_former()
        if self._at_end is None:
            self._at_end = self._reactor.addSystemEventTrigger("after", "shutdown", self._end_all)
        self._began = self._reactor.seconds()

    def _spawn(self, porter: PorterProcess) -> tuple[socket.socket, int]:
        """Return our end of his desk, and his number. :raise OSError: he cannot be started."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        argv = own_program("runjd.access.porter.main")
        try:
            with theirs:
                child_fds = {0: "w", 1: "r", 2: "r", DESK: theirs.fileno()}
                return ours, self._reactor.spawnProcess(porter, argv[0], argv, {}, "/", childFDs=child_fds).pid
        except OSError:
            ours.close()
            raise

    def _bound_former(self) -> None:
        """Each takes memory, and who came by it stays as long as he likes."""
        for each in tuple(self._alive)[: -1 - _FORMER_MAX]:
            if not each.reap():
                each.kill()

    def _ended(self, porter: PorterProcess, reason: str) -> None:
        self._alive.pop(porter, None)
        if self._at_end is not None and not self._alive:
            self._reactor.removeSystemEventTrigger(self._at_end)
            self._at_end = None
        if porter is not self._current:
            return  # he was replaced
        _log.error("the process that speaks TLS ended: {reason}", reason=reason)
        if self._reactor.seconds() - self._began >= _GOOD:
            self._delay = _FIRST
        self._forget()
        self._later()

    def _end_all(self) -> None:
        """
        See the end of all porters, as nobody else will: execve(2) makes another daemon of us that knows none of them.
        """
        self._at_end = None
        self.stop()
        deadline = time.monotonic() + _LAST
        for each in tuple(self._alive):
            while not each.reap():
                if time.monotonic() < deadline:
                    time.sleep(0.005)
                else:
                    each.kill()

    def _later(self) -> None:
        self._timer = self._reactor.callLater(self._delay, self._start)
        self._delay = min(2 * self._delay, _LONGEST)

    def _forget(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()
        desk, self._desk, self._current, self.pid = self._desk, None, None, 0
        if desk is not None:
            desk.close()
