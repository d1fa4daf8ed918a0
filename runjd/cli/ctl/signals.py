"""
Signals as bytes in a pipe, for a loop that waits in poll(2); and dying by one.

Only ``_signal``: the module ``signal`` costs an enum.  A signal that was ignored
when we were started (nohup(1), a background job of sh(1)) stays ignored.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Self

    Disposition = Callable[[int, FrameType | None], object] | int | None
else:
    import _signal


class Signals:
    """
    Collects signals while it is entered.

    :param numbers: which.
    :ivar fd: becomes readable when one came.
    """

    def __init__(self, numbers: tuple[int, ...]) -> None:
        self._numbers = numbers
        self._before: dict[int, Disposition] = {}
        self._wakeup_before = -1
        self.fd = -1
        self._write_fd = -1

    def __enter__(self) -> Self:
        self.fd, self._write_fd = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write_fd, False)
        self._wakeup_before = _signal.set_wakeup_fd(self._write_fd, warn_on_full_buffer=False)
        for number in self._numbers:
            before = _signal.getsignal(number)
            if before != _signal.SIG_IGN:
                self._before[number] = before
                _signal.signal(number, _noted)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, before in self._before.items():
            _signal.signal(number, before if before is not None else _signal.SIG_DFL)
        self._before.clear()
        _signal.set_wakeup_fd(self._wakeup_before)
        os.close(self.fd)
        os.close(self._write_fd)

    def take(self) -> frozenset[int]:
        """Return the signals that came since the last call."""
        found: set[int] = set()
        try:
            while data := os.read(self.fd, 512):
                found.update(data)
        except BlockingIOError:
            pass
        return frozenset(found)


class Interrupted(Exception):
    """We end because of a signal, and end by it, so that the shell sees what happened."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


def die_by(signum: int) -> int:
    """End this process by the signal; returns a shell's status for it only where the signal is blocked."""
    _signal.signal(signum, _signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    return 128 + signum


def _noted(signum: int, frame: FrameType | None) -> None:
    """The byte in the pipe is all that counts."""
