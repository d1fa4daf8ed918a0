"""A process whose output people look at, and whose input they type."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.errors import BadArgument, WrongState
from runjd.keeper.messages import SPOOL
from runjd.protocols.jailprocess import JailProcess
from runjd.protocols.keeperreplies import Launched
from runjd.supervise.sessions import Viewers
from runjd.supervise.site import Site

_OUT, _ERR = 1, 2
#: rows and columns of a terminal
_SIZES = range(1, 10_001)


def check_size(rows: int, columns: int) -> None:
    """:raise BadArgument: no terminal has so many rows and columns."""
    if rows not in _SIZES or columns not in _SIZES:
        raise BadArgument(f"a terminal has 1 to {_SIZES[-1]} rows and columns, not {rows} and {columns}")


class WatchedProcess(ProcessProtocol):
    """The init process or an exec process of a jail; a :class:`runjd.supervise.sessions.Target`."""

    transport: JailProcess | None = None

    def __init__(self) -> None:
        self.viewers = Viewers()

    def abandon(self) -> None:
        """Let go of its descriptors; it goes on, and its viewers hear no more of it."""
        if self.transport is not None:
            self.transport.let_go()
        self.viewers.end(None)

    # --- ProcessProtocol ---------------------------------------------------------

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if self.viewers:
            self.viewers.output("err" if childFD == _ERR else "out", data)

    # --- Target --------------------------------------------------------------------

    def write(self, data: bytes) -> Deferred[None] | None:
        return self.transport.feed(data) if self.transport is not None else None

    def close_stdin(self) -> None:
        if self.transport is not None:
            self.transport.closeStdin()

    def resize_terminal(self, rows: int, columns: int, jail: str, exec_id: str) -> None:
        """Set the size of the terminal, checked already. :raise WrongState: there is none."""
        if self.transport is None or not self.transport.terminal:
            raise WrongState(
                f'{f"exec process {exec_id} of " if exec_id else ""}jail "{jail}" has no terminal', jail=jail
            )
        self.resize(rows, columns)

    def resize(self, rows: int, columns: int) -> None:
        if self.transport is not None:
            self.transport.resize(rows, columns)

    def pause_output(self) -> None:
        if self.transport is not None:
            self.transport.pauseProducing()

    def resume_output(self) -> None:
        if self.transport is not None:
            self.transport.resumeProducing()

    def viewer_came(self) -> None:
        """Nobody has waited for one."""

    def viewer_left(self, is_owner: bool) -> None:
        if self.transport is not None and not self.viewers:
            self.transport.idle_input()


class KeeperControl:
    """What the keeper does for one process; a :class:`runjd.protocols.jailprocess.Control`."""

    __slots__ = ("_exec_id", "_jail", "_site")
    _log = Logger()

    def __init__(self, site: Site, jail: str, exec_id: str = "") -> None:
        self._site = site
        self._jail = jail
        self._exec_id = exec_id

    def signal(self, signum: int) -> None:
        self._site.spawner.signal(self._jail, signum, exec_id=self._exec_id).addErrback(self._tell, "signal")

    def open_stdin(self) -> Deferred[int]:
        return self._site.spawner.stdin(self._jail, self._exec_id)

    def close_stdin(self) -> None:
        self._site.spawner.close_stdin(self._jail, self._exec_id).addErrback(self._tell, "close the input of")

    def _tell(self, failure: Failure, what: str) -> None:
        self._log.info("cannot {what} {jail}: {error}", what=what, jail=self._jail, error=failure.value)


def connect(site: Site, protocol: WatchedProcess, jail: str, launched: Launched, exec_id: str = "") -> None:
    """Have a protocol listen to a process from the reactor's next turn on."""
    control = KeeperControl(site, jail, exec_id)
    outputs = outputs_of(launched.descriptors)
    process = JailProcess(site.reactor, protocol, control, launched.pid, outputs, launched.terminal)
    for child_fd, fd in spools_of(launched.descriptors).items():
        process.precede(child_fd, fd)
    process.connect()


def outputs_of(descriptors: Mapping[str, int]) -> dict[int, int]:
    """Return the descriptors that the keeper named, by the number they have for the program."""
    return {_OUTPUTS[name]: fd for name, fd in descriptors.items() if name in _OUTPUTS}


def others_of(descriptors: Mapping[str, int]) -> dict[str, int]:
    """Return those that have nothing to do with output, by their name."""
    return {name: fd for name, fd in descriptors.items() if name.removeprefix(SPOOL) not in _OUTPUTS}


def spools_of(descriptors: Mapping[str, int]) -> dict[int, int]:
    """Return the files with what was written while no daemon was there, by the number of their output."""
    return {_OUTPUTS[name]: descriptors[SPOOL + name] for name in _OUTPUTS if SPOOL + name in descriptors}


_OUTPUTS = {"out": _OUT, "tty": _OUT, "err": _ERR}
