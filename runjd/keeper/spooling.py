"""
Reading what jails write, while no daemon is there to do it.

Each stream has a spool of so many bytes; once it is full, or its disk is, the pipe
fills, and the jail waits.  Before the descriptors are handed to a daemon the reading
has stopped, so whoever gets them reads the spool first, and then the pipe.
"""

from __future__ import annotations

import errno
import os

from runjd.keeper.loop import READ
from runjd.keeper.spool import Spool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from functools import partial

    from runjd.keeper.children import Child, Children
    from runjd.keeper.loop import Loop, Timer
else:
    from _functools import partial

#: seconds until a terminal that nobody has open is looked at again
_TERMINAL_DELAY = 1.0
#: seconds between looks whether the daemon that came has read everything
_LOOK = 2.0


class Spooling:
    """
    Reads while it is on.

    :param make: makes the file of a spool, and returns its descriptor.
    :param bound: bytes of one spool; 0: nothing is read.
    :param log: told what cannot be read or kept.
    """

    def __init__(
        self, loop: Loop, children: Children, make: Callable[[], int], bound: int, log: Callable[[str], None]
    ) -> None:
        self._loop = loop
        self._children = children
        self._make = make
        self._bound = bound
        self._log = log
        self._is_on = False
        self._watched: set[int] = set()
        self._timers: list[Timer] = []
        self._complaint = ""

    def begin(self) -> None:
        """The daemon is gone: read; nothing to do where we do."""
        if self._is_on or not self._bound:
            return
        self._cancel_timers()
        self._let_go()
        self._is_on = True
        self._complaint = ""
        for child in self._children:
            self.take_in(child)

    def take_in(self, child: Child) -> None:
        """Read a process that was just added, too, if we read."""
        if self._is_on:
            for name, fd in child.outputs().items():
                os.set_blocking(fd, False)
                self._watch(child, name, fd)

    def end(self) -> None:
        """A daemon is there: read no more."""
        if not self._is_on:
            return
        self._is_on = False
        self._cancel_timers()
        for fd in tuple(self._watched):
            self._unwatch(fd)
        for child in self._children:
            for name, spool in child.spools.items():
                try:
                    spool.finish()
                except OSError as error:
                    self._log(f"the spool of {child.jail} {child.exec} {name} cannot be cut: {error.strerror}")
        self._look()

    def go_on(self) -> None:
        """A daemon reads what another version of us has spooled."""
        self._look()

    def _look(self) -> None:
        """Let go of what the daemon has read, until it has read everything."""
        if self._let_go():
            self._timers = [self._loop.call_later(_LOOK, self._look)]

    def _let_go(self) -> bool:
        """Close the spools that were read; whether there are others."""
        is_left = False
        for child in self._children:
            if child.spools:
                read = [name for name, spool in child.spools.items() if spool.is_read]
                for name in read:
                    child.spools[name].close()
                child.spools = {name: spool for name, spool in child.spools.items() if name not in read}
                is_left = is_left or bool(child.spools)
        return is_left

    def _watch(self, child: Child, name: str, fd: int) -> None:
        self._watched.add(fd)
        self._loop.watch(fd, READ, lambda _: self._read(child, name, fd))

    def _unwatch(self, fd: int) -> None:
        self._watched.discard(fd)
        self._loop.unwatch(fd)

    def _cancel_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers = []

    def _read(self, child: Child, name: str, fd: int) -> None:
        """Take one piece of a stream."""
        try:
            spool = child.spools.get(name)
            if spool is None:
                spool = Spool(self._make())
                child.spools = {**child.spools, name: spool}
            room = spool.make_room(self._bound)
        except OSError as error:
            self._unwatch(fd)  # what it writes stays in the pipe
            self._complain(f"what jails write cannot be kept ({error.strerror}), so they wait for a daemon")
            return
        if room == 0:
            self._unwatch(fd)
            return
        try:
            data = os.read(fd, room)
        except BlockingIOError:
            return
        except OSError as error:
            data = b""
            if error.errno != errno.EIO:
                self._log(f"cannot read {name} of {child.jail} {child.exec}: {error.strerror}")
        if data:
            self._keep(child, name, fd, spool, data)
        else:
            self._unwatch(fd)
            if child.terminal and child.exit is None:  # nobody has it open now
                self._timers = [timer for timer in self._timers if timer.is_active]
                self._timers.append(self._loop.call_later(_TERMINAL_DELAY, partial(self._watch, child, name, fd)))

    def _keep(self, child: Child, name: str, fd: int, spool: Spool, data: bytes) -> None:
        try:
            spool.put(data)
        except OSError as error:
            self._unwatch(fd)
            self._log(f"{len(data)} bytes of {name} of {child.jail} {child.exec} are lost: {error.strerror}")

    def _complain(self, complaint: str) -> None:
        if complaint != self._complaint:
            self._complaint = complaint
            self._log(complaint)
