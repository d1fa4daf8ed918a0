"""
A worker that becomes a process of a jail: the keeper's side of what it says on its way.

It spares a fork: the worker enters itself, and has handed over what the keeper shall
hold before that.  From then on the two say what is in :mod:`runjd.container.report`,
and nobody else is there to hear it.  Where the jail has a pid namespace of its own
the worker can be seen by nobody inside; who is there in its place once it has
appeared can be, and with CAP_SYS_PTRACE be made to say anything.  So from that
moment nothing is believed but that it is over, and why.

One that becomes an init process is alone in its pid namespace: it goes all the way
without an order, and the keeper holds the lock of the container until it is over.  It
ends where it finds that the keeper was killed, once its record says that it runs: so a
program is executed only if the next keeper finds it.
"""

from __future__ import annotations

import _socket
import os
from errno import ESRCH

from runjd.container.launch import killed_before
from runjd.container.report import ABOUT, APPEARED, EXECUTE, FAILED, READY, Channel
from runjd.errors import RunjdError, RuntimeFailure, TimedOut
from runjd.keeper.channel import Parcel
from runjd.keeper.jobs import CONSOLE, LAUNCH, LOCK, failed, receive_descriptor
from runjd.kernel.process import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
else:
    import _signal

#: messages in one turn; there are five at most, if all is well
_MESSAGES_MAX = 8
_ENTER = "enter the container"


class Entrance:
    """
    One process on its way into a jail.

    :param parcel: what the worker handed over; its descriptors are ours.
    :param pid: of the worker.
    :param is_taken: whether a pid is that of another process that is known.
    :ivar pid: of who goes on.
    :ivar is_reaped: set by whoever reaped it.
    """

    def __init__(self, parcel: Parcel, pid: int, is_taken: Callable[[int], bool]) -> None:
        self.pid = pid
        self.is_reaped = False
        self._worker = pid
        self._is_taken = is_taken
        self._message = parcel.message
        streams = parcel.message["streams"]
        assert isinstance(streams, list)
        self._held: dict[str, int] = dict(zip(streams, parcel.descriptors, strict=True))
        self._channel = Channel(_socket.socket(fileno=self._held.pop(LAUNCH)))
        self._channel.limit(0.0)
        self._lock = self._held.pop(LOCK, -1)
        # of one that needs no order, as it was alone when it told
        self._start = int(str(parcel.message.get("start", 0)))
        self._is_about = False

    def fileno(self) -> int:
        """Return the descriptor to read from."""
        return self._channel.fd

    @property
    def has_claimed(self) -> bool:
        """Whether the container is one in the making, and nobody else's."""
        return self._lock >= 0

    @property
    def has_appeared(self) -> bool:
        """Whether another process than the worker goes on, which those inside can see."""
        return self.pid != self._worker

    def read(self) -> Parcel | None:
        """Take what was said; return the report once it is over, whose descriptors are the callee's."""
        try:
            for _ in range(_MESSAGES_MAX):
                if self._take():
                    return self._report()
        except BlockingIOError:
            return None
        except RunjdError as error:
            return failed(error)
        except Exception as error:  # of words that somebody inside may have chosen
            return failed(RuntimeFailure(_ENTER, f"what it said cannot be understood: {error!r}"))
        return None

    def late(self, what: str, seconds: float) -> RunjdError:
        """Return the error of a job that takes too long."""
        if self.has_appeared:
            return RuntimeFailure(_ENTER, "somebody inside stopped the process on its way")
        return TimedOut(f"{what} took longer than {seconds:g} s; its worker was killed")

    def kill(self) -> None:
        """It must not go on; whoever reaps children reaps it."""
        if not self.is_reaped:
            try:
                # not reaped, so the pid is nobody else's
                os.kill(self.pid, _signal.SIGKILL)
            except ProcessLookupError:
                return

    def close(self) -> None:
        """Let go of all that was not reported."""
        self._channel.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        for fd in self._held.values():
            os.close(fd)
        self._held.clear()

    def _take(self) -> bool:
        """Take one message; whether it was the last."""
        message = self._channel.receive()
        if message.kind == APPEARED and not self._start:
            self._appeared(message.pid())
            self._order()
        elif message.kind == READY and not self._start:
            self._order()
        elif message.kind == ABOUT:
            self._is_about = True
        elif message.kind == FAILED:
            raise message.error()
        return not message.kind

    def _appeared(self, pid: int) -> None:
        """Take note of who goes on: a child of ours that is not known as anything else."""
        try:
            if pid <= 0 or self._is_taken(pid):
                raise ChildProcessError
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            raise RuntimeFailure(_ENTER, "somebody inside interfered, or killed it", errno=ESRCH) from None
        self.pid = pid

    def _order(self) -> None:
        """Let it execute its program, which it does when it is ready."""
        try:
            self._start = start_time(self.pid)
            self._channel.send(EXECUTE)
        except (ProcessLookupError, BrokenPipeError):
            raise killed_before("it was ready") from None

    def _report(self) -> Parcel:
        if not self._is_about or not self._start:
            raise killed_before("its program was executed")
        if CONSOLE in self._held:
            # the child sent it before its program was executed, so it is here
            socket = _socket.socket(fileno=self._held.pop(CONSOLE))
            try:
                self._held["tty"] = receive_descriptor(socket)
            finally:
                socket.close()
        held, self._held = self._held, {}
        report = {"pid": self.pid, "start": self._start, "jid": 0, "streams": list(held)}
        report |= {name: self._message[name] for name in ("terminal", "notices", "groups") if name in self._message}
        return Parcel(report, tuple(held.values()))
