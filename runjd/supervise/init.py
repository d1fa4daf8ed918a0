"""The init process of a jail: its output is logged, and shown to whoever looks on."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.python.failure import Failure

from runjd.supervise.ending import Ending
from runjd.supervise.logfan import LogFan
from runjd.supervise.site import FLUSH_LIMIT
from runjd.supervise.watched import WatchedProcess

_ERR = 2
#: bytes of one read at which a stream floods
FLOOD = 65_536


class InitProcess(WatchedProcess):
    """
    The protocol of an init process.

    An output is not read again before what was read is in the log; while it floods and nobody looks on, the
    writer of the log reads it by itself.

    :ivar listener: hears its output too, until it returns True; None: nobody.
    :param ending: told when it exited and all its output was delivered, and when nobody holds its output any more.
    """

    def __init__(self, log: LogFan, ending: Ending) -> None:
        super().__init__()
        self._log_of_jail = log
        self._ending = ending
        self.listener: Callable[[str, bytes], bool] | None = None

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        transport = self.transport
        if transport is None:
            return
        transport.hold(childFD)
        stream = "err" if childFD == _ERR else "out"
        try:
            is_lent = len(data) >= FLOOD and not self._is_heard and self._log_of_jail.takes_loans
            loan = transport.lend(childFD) if is_lent else None
            self._log_of_jail.write(stream, data, lambda: transport.release(childFD), loan)
        finally:
            if self.listener is not None and self.listener(stream, data):
                self.listener = None
            super().childDataReceived(childFD, data)

    @property
    def _is_heard(self) -> bool:
        """Whether anybody but the log needs its output."""
        return bool(self.viewers) or self.listener is not None

    def processExited(self, reason: Failure) -> None:
        self._ending.drained()

    def processEnded(self, reason: Failure) -> None:
        if self.transport is not None:
            # behind the log: whoever was shown the end finds there what came before it
            self._log_of_jail.flush_in_time(FLUSH_LIMIT, partial(self.viewers.end, self.transport.exit))
        self._ending.ended()
