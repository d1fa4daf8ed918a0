"""A relay in a process of its own, and daemons behind it that can be killed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

from runjd.containerd.relay.place import Place
from runjd.protocols.ttrpc.call import Origin
from tests.cli.program import ROOT
from tests.containerd.relay.caller import PATIENCE, Caller
from tests.functional.daemon import wait_until

ORIGIN = Origin("/run/containerd/containerd.sock", "/run/containerd/containerd.sock.ttrpc", "default")

_RELAY = f"""
import sys; sys.path.append({ROOT!r})
from runjd.containerd.relay.main import Settings, serve
from runjd.protocols.ttrpc.call import Origin
serve(int(sys.argv[1]), Settings(sys.argv[2], Origin(*{tuple(ORIGIN)!r}), sys.argv[3], tuple(sys.argv[5:]),
                                 float(sys.argv[4])))
"""
#: a daemon with one service, test.Echo: Now answers at once, with the pid and whether the call is repeated; Later once
#: a file is there; and it never answers Never
DAEMON = f"""
import os, sys; sys.path.insert(0, {ROOT!r})
from twisted.internet import reactor, task
from zope.interface import implementer
from runjd.containerd.gate import RelayDoor
from runjd.protocols.ttrpc.services import IServices
from twisted.internet.defer import Deferred

@implementer(IServices)
class Echo:
    def call(self, call):
        said = b"%d %d %d %s" % (os.getpid(), call.is_repeated, call.caller.stream, call.payload)
        if call.method == "Now":
            return said
        result = Deferred()
        def look():
            if os.path.exists(sys.argv[1] + "/release"):
                loop.stop()
                result.callback(said)
        if call.method == "Later":
            loop = task.LoopingCall(look)
            loop.start(0.02).addErrback(lambda _: None)
        return result

RelayDoor(sys.argv[1], Echo(), reactor).open()
reactor.run()
"""

#: a daemon that answers each call of one connection with its pid
ANSWERING = f"""
import os, sys; sys.path.append({ROOT!r})
from runjd.protocols.ttrpc.envelope import Response, format_response
from runjd.protocols.ttrpc.frames import RESPONSE, format_frame
from tests.containerd.relay.caller import Listening
if os.path.exists(sys.argv[1]):
    os.unlink(sys.argv[1])
served = Listening(sys.argv[1]).accept()
served.hello()
while True:
    data = format_response(Response(b"%d" % os.getpid()))
    served.socket.sendall(format_frame(served.request()[0], RESPONSE, data))
"""


class RunningRelay:
    """
    A relay; at the end it must not need to be told twice.

    :param directory: for all its files.
    :param idle: seconds after which it looks whether it is needed.
    :param command: starts a daemon where there is none.
    """

    def __init__(self, directory: str, idle: float = 60.0, command: tuple[str, ...] = ()) -> None:
        self.directory = f"{directory}/c"
        self.bundles = f"{directory}/bundles"
        os.mkdir(self.bundles)
        self.place = Place(self.directory, ORIGIN, self.bundles)
        self.path = self.place.address.removeprefix("unix://")
        with self.place:
            listener = self.place.listen()
        words = [str(listener.fileno()), self.directory, self.bundles, str(idle), *command]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _RELAY, *words], pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL
        )
        listener.close()
        self._daemons: list[subprocess.Popen[bytes]] = []

    def connect(self) -> Caller:
        """Return a connection of containerd."""
        return Caller(self.path)

    def start_daemon(self) -> subprocess.Popen[bytes]:
        """Start a daemon, and wait until it listens."""
        daemon = subprocess.Popen([sys.executable, "-c", DAEMON, self.directory], stdin=subprocess.DEVNULL)
        self._daemons.append(daemon)
        wait_until(self._is_listening, "the daemon does not listen")
        return daemon

    def kill_daemon(self) -> None:
        """Kill the daemon as the kernel would."""
        daemon = self._daemons.pop()
        daemon.kill()
        daemon.wait(PATIENCE)

    def release(self) -> None:
        """Have calls of Later answered."""
        with open(f"{self.directory}/release", "wb"):
            pass

    def stop(self) -> None:
        """End all of it."""
        for each in (*self._daemons, self.process):
            each.send_signal(signal.SIGTERM)
            each.wait(PATIENCE)

    def log(self) -> str:
        """Return what the relay said so far."""
        try:
            with open(f"{self.directory}/log", encoding="utf-8") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def _is_listening(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(f"{self.directory}/socket")
            except OSError:
                return False
        return True
