"""The relay as a process: made by ``containerd-shim-runj-v1 start``, with a socket that listens already."""

from __future__ import annotations

import _socket
import os
import resource
import time

from runjd.containerd.relay.place import Place
from runjd.containerd.relay.relay import Relay
from runjd.containerd.relay.route import Route
from runjd.containerd.relay.starting import NoStarting, Starting
from runjd.keeper.directories import open_private
from runjd.keeper.log import Log
from runjd.keeper.loop import Loop
from runjd.kernel.closing import close_others
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Sequence

    from runjd.containerd.relay.route import Presence
    from runjd.protocols.ttrpc.call import Origin
else:
    import _signal

_OOM_SCORE, _OOM_SCORE_MAX = "/proc/self/oom_score_adj", 1000
#: seconds without a connection, after which a relay looks whether it is needed
IDLE = 20.0


class Settings(Value):
    """
    What a relay is told.

    :ivar directory: of the sockets of daemon and relays.
    :ivar origin: whose relay it is.
    :ivar bundles: the directory in which containerd keeps the bundles of that namespace.
    :ivar command: starts a daemon, where nobody else does; empty: somebody does.
    :ivar idle: see :data:`IDLE`.
    """

    directory: str
    origin: Origin
    bundles: str
    command: Sequence[str] = ()
    idle: float = IDLE


def serve(listener: int, settings: Settings) -> None:
    """
    Relay until nobody needs it.

    :param listener: a socket that listens; becomes ours.
    :raise RunjdError: the directory cannot be used.
    """
    limits = _settle(listener)
    log = Log(open_private(settings.directory), time.time)
    name = os.urandom(6).hex()

    def tell(text: str) -> None:
        log.write(f"relay {name}: {text}")

    def failed(error: Exception) -> None:
        log.failure(error)

    loop = Loop(time.monotonic, failed)
    starting: Presence = NoStarting()
    if settings.command:
        starting = Starting(settings.command, f"{settings.directory}/daemon.err", limits, time.monotonic, tell)
    place = Place(settings.directory, settings.origin, settings.bundles)
    route = Route(loop, f"{settings.directory}/socket", starting)
    os.set_inheritable(listener, False)
    connection = _socket.socket(fileno=listener)
    relay = Relay(loop, connection, place, route, settings.origin, name, settings.idle, tell)
    relay.start()
    tell(f"process {os.getpid()} serves {settings.origin.namespace} of {settings.origin.containerd}")
    loop.run()


def _give_way() -> None:
    """
    Have the kernel kill us, a daemon that we start, and its tasks, before containerd, where memory is short.

    Of tasks those that do not say their own; as the shim for runc, which is one more than containerd is. Linux.
    """
    try:
        with open(_OOM_SCORE, "r+b", buffering=0) as file:
            score = int(file.read(16)) + 1
            file.write(b"%d" % min(score, _OOM_SCORE_MAX))
    except (OSError, ValueError):
        return


def _settle(listener: int) -> tuple[int, int]:
    """Let go of what is not ours, and be ready for many connections; return the limits of descriptors as they were."""
    close_others([listener])
    _give_way()
    for number in (_signal.SIGHUP, _signal.SIGPIPE, _signal.SIGINT):
        _signal.signal(number, _signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        except (OSError, ValueError):
            pass  # FreeBSD: more than kern.maxfilesperproc
    return soft, hard
