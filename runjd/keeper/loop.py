"""
The loop of the keeper, and of the porter: readiness of descriptors, and a few timers.

The descriptors that the keeper holds for jails are never watched, so there are
few; what takes long is done by workers.  Two facts make it careful: an event may
be about a descriptor that an earlier callback of the same turn closed, and whose
number is another's now; and whoever ends this loop by an exception loses all
jails, or visitors.  So each callback is guarded, and each has to live with EAGAIN.

epoll(7), where there is one; a descriptor must be unwatched before it is closed,
because a copy of it in another process would keep it watched.
"""

from __future__ import annotations

import select
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

READ = select.POLLIN
WRITE = select.POLLOUT
#: told without being asked for: the other end is gone
HANGUP = select.POLLHUP | select.POLLERR

_EVENTS_A_TURN = 64
#: seconds to wait before the kernel is asked again after it failed
_PAUSE = 0.1


class Timer:
    """One call in the future."""

    __slots__ = ("callback", "due", "is_active")

    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.is_active = True

    def cancel(self) -> None:
        """Do not call; nothing to do where it was called."""
        self.is_active = False


class Loop:
    """
    Calls back.

    :param clock: monotonic, in seconds.
    :param failed: told of each exception that a callback let out.
    """

    def __init__(self, clock: Callable[[], float], failed: Callable[[Exception], None]) -> None:
        self._clock = clock
        self._failed = failed
        self._kernel = _Epoll() if hasattr(select, "epoll") else _Poll()
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._timers: list[Timer] = []
        self._is_running = False

    def watch(self, fd: int, mask: int, callback: Callable[[int], None]) -> None:
        """Call back with READ, WRITE, HANGUP when the descriptor is so."""
        self._kernel.register(fd, mask)
        self._callbacks[fd] = callback

    def change(self, fd: int, mask: int) -> None:
        """Watch for something else."""
        self._kernel.modify(fd, mask)

    def unwatch(self, fd: int) -> None:
        """Call back no more, not even for what happened already; nothing to do where it is not watched."""
        if self._callbacks.pop(fd, None) is not None:
            self._kernel.unregister(fd)

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back once, not before so many seconds have passed."""
        timer = Timer(self._clock() + seconds, callback)
        self._timers.append(timer)
        return timer

    def run(self) -> None:
        """Run until :meth:`stop`."""
        self._is_running = True
        while self._is_running:
            self.turn()

    def stop(self) -> None:
        """Let :meth:`run` return after this turn."""
        self._is_running = False

    def is_wanted(self) -> bool:
        """Whether something that is watched has happened, which the next turn calls back for."""
        return bool(self._kernel.poll_at_once())

    def turn(self) -> None:
        """Wait for something to happen and call back, once."""
        try:
            events = self._kernel.poll(self._patience())
        except (OSError, MemoryError) as error:
            self._failed(error)
            time.sleep(_PAUSE)
            return
        for fd, mask in events:
            callback = self._callbacks.get(fd)
            if callback is not None:
                try:
                    callback(mask)
                except Exception as error:
                    self._failed(error)
        if self._timers:
            self._call_due()

    def _patience(self) -> float | None:
        waiting = [timer.due for timer in self._timers if timer.is_active]
        return max(0.0, min(waiting) - self._clock()) if waiting else None

    def _call_due(self) -> None:
        now = self._clock()
        due = [timer for timer in self._timers if timer.is_active and timer.due <= now]
        self._timers = [timer for timer in self._timers if timer.is_active and timer.due > now]
        for timer in due:
            if timer.is_active:  # an earlier one may have cancelled it
                timer.is_active = False
                try:
                    timer.callback()
                except Exception as error:
                    self._failed(error)


class _Epoll:
    """epoll(7)."""

    def __init__(self) -> None:
        made = select.epoll()
        self.register = made.register
        self.modify = made.modify
        self.unregister = made.unregister
        self._poll = made.poll

    def poll(self, seconds: float | None) -> list[tuple[int, int]]:
        # rounded up, lest a timer that is nearly due makes us spin
        return self._poll(-1 if seconds is None else seconds + 0.001, _EVENTS_A_TURN)

    def poll_at_once(self) -> list[tuple[int, int]]:
        return self._poll(0, 1)


class _Poll:
    """poll(2), everywhere else; there are few descriptors."""

    def __init__(self) -> None:
        made = select.poll()
        self.register = made.register
        self.modify = made.modify
        self.unregister = made.unregister
        self._poll = made.poll

    def poll(self, seconds: float | None) -> list[tuple[int, int]]:
        return self._poll(None if seconds is None else int(seconds * 1000) + 1)

    def poll_at_once(self) -> list[tuple[int, int]]:
        return self._poll(0)
