"""A process on real FIFOs, or on a real pty; the test is the program."""

import os
import pty
import tty

from twisted.internet import reactor
from twisted.internet.defer import fail, succeed
from twisted.internet.protocol import ProcessProtocol
from twisted.internet.task import deferLater

from runjd.errors import WrongState
from runjd.policy.facts import ExitRecord
from runjd.protocols.jailprocess import JailProcess

PID = 4711
DONE = ExitRecord(PID, 0, None, 1.0)


async def until(is_so) -> None:
    """Let the reactor turn until something is so."""
    for _ in range(1000):
        if is_so():
            return
        await deferLater(reactor, 0.002)
    raise AssertionError("it never was so")


async def turns(count: int = 3) -> None:
    """Let the reactor turn a few times."""
    for _ in range(count):
        await deferLater(reactor, 0)


class Recorder(ProcessProtocol):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list = []
        self.data = {1: b"", 2: b""}

    def childDataReceived(self, childFD, data):
        self.data[childFD] += data

    def childConnectionLost(self, childFD):
        self.heard.append(f"lost {childFD}")

    def processExited(self, reason):
        self.heard.append("exited")
        self.reason = reason.value

    def processEnded(self, reason):
        self.heard.append("ended")


class Keeper:
    """The keeper's part: it has the FIFO of standard input, and writes down what it is asked."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.asked: list = []
        self.is_stdin_open = True

    def signal(self, signum):
        self.asked.append(f"signal {signum}")

    def open_stdin(self):
        self.asked.append("open")
        if not self.is_stdin_open:
            return fail(WrongState("standard input is closed"))
        return succeed(os.open(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC))

    def close_stdin(self):
        self.asked.append("close")


class Bench:
    """A process on FIFOs; the test is the program."""

    def __init__(self, directory: str, **options) -> None:
        self._fds: list[int] = []
        for name in ("in", "out", "err"):
            os.mkfifo(f"{directory}/{name}", 0o600)
        self.keeper = Keeper(f"{directory}/in")
        self.protocol = Recorder()
        outputs = {
            child: os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NONBLOCK)
            for child, name in ((1, "out"), (2, "err"))
        }
        # As the keeper does: descriptors of the same descriptions, which stay open.
        self.kept = {child: self._own(os.dup(fd)) for child, fd in outputs.items()}
        self.out = self._own(os.open(f"{directory}/out", os.O_RDWR))
        self.err = self._own(os.open(f"{directory}/err", os.O_RDWR))
        self.stdin = self._own(os.open(f"{directory}/in", os.O_RDONLY | os.O_NONBLOCK))
        self.process = JailProcess(reactor, self.protocol, self.keeper, PID, outputs, **options)

    def close(self, *fds: int) -> None:
        """The program closes descriptors."""
        for fd in fds:
            self._fds.remove(fd)
            os.close(fd)

    def end(self) -> None:
        """Close everything."""
        self.process.let_go()
        self.close(*list(self._fds))

    def _own(self, fd: int) -> int:
        self._fds.append(fd)
        return fd


class TerminalBench:
    """A process on a pty; the test has the slave."""

    def __init__(self, directory: str) -> None:
        master, self.slave = pty.openpty()
        self.name = os.ttyname(self.slave)
        tty.setraw(self.slave)
        self.kept = os.dup(master)
        self.protocol = Recorder()
        self.keeper = Keeper(f"{directory}/none")
        self.process = JailProcess(reactor, self.protocol, self.keeper, PID, {1: master}, terminal=True)
        self.process.connect()

    def hang_up(self) -> None:
        """The program closes its terminal."""
        os.close(self.slave)
        self.slave = -1

    def end(self) -> None:
        """Close everything."""
        self.process.let_go()
        os.close(self.kept)
        if self.slave >= 0:
            os.close(self.slave)
