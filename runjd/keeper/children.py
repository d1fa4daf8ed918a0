"""
The processes of jails that this keeper knows.

They are its children, orphans of an earlier keeper, and those whose end nobody has dealt with.

There may be thousands, so each is small: no path and no parsed document is kept.
"""

from __future__ import annotations

import os

from runjd.keeper.messages import SPOOL
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runjd.keeper.spool import Spool


class Exit(Value):
    """How a process ended; ``status`` or ``signal`` is None; ``at`` is wall time in seconds."""

    status: int | None
    signal: int | None
    at: float
    core: bool
    recorded: bool = False


class Child:
    """
    One process of a jail.

    :ivar exec: empty for the init process.
    :ivar note: what the daemon gave along, as JSON.
    :ivar out: our end of its standard output, or of its terminal; -1 where there is none.
    :ivar err: our end of its standard error; of a terminal, where what it writes is copied to, a client's FIFO or what
        a program reads that logs it.
    :ivar ready: by which it tells that it is ready: its name (``ready``: a FIFO, ``notify``: a socket) and our end.
    :ivar input: the writing end of its standard input; -1 once it is closed. Of a terminal, a reading end of the FIFO
        that is typed into it, which a client would not write to else while nobody copies.
    :ivar exit: None while it lives.
    :ivar is_ours: False: its parent was an earlier keeper, so it cannot be waited for, and its pid is not held for us.
    :ivar spools: by stream, what was read of it while no daemon was there, until a daemon has read it.
    :ivar notices: what must be told of it to whoever takes it over.
    """

    __slots__ = (
        "err",
        "exec",
        "exit",
        "input",
        "is_ours",
        "jail",
        "jid",
        "note",
        "notices",
        "out",
        "pid",
        "ready",
        "spools",
        "start",
        "terminal",
    )

    def __init__(
        self, jail: str, exec: str, pid: int, start: int, jid: int = 0, terminal: bool = False, note: str = "{}"
    ) -> None:
        self.jail = jail
        self.exec = exec
        self.pid = pid
        self.start = start
        self.jid = jid
        self.terminal = terminal
        self.note = note
        self.out = self.err = self.input = -1
        self.ready: tuple[str, int] | None = None
        self.exit: Exit | None = None
        self.is_ours = True
        self.notices: tuple[str, ...] = ()
        self.spools: Mapping[str, Spool] = _NO_SPOOLS

    @property
    def lacks_terminal(self) -> bool:
        """Whether it has a terminal that we do not hold."""
        return self.terminal and self.out < 0

    @property
    def takes_input(self) -> bool:
        """Whether its standard input can be written to; of a terminal the keeper has what is typed at most."""
        return self.input >= 0 and not self.terminal

    def hold(self, descriptors: dict[str, int]) -> None:
        """Keep our ends of its streams: ``out``, ``err``, ``in``, or ``tty``, ``log``; and ``ready`` or ``notify``."""
        self.out = descriptors.get("tty", descriptors.get("out", -1))
        self.err = descriptors.get("err", descriptors.get("log", -1))
        self.input = descriptors.get("in", -1)
        self.ready = next(((name, descriptors[name]) for name in _READY if name in descriptors), self.ready)

    def outputs(self) -> dict[str, int]:
        """Return our ends of what it writes, by stream."""
        names = (("tty", self.out),) if self.terminal else (("out", self.out), ("err", self.err))
        return {name: fd for name, fd in names if fd >= 0}

    def streams(self) -> dict[str, int]:
        """Return the descriptors that a daemon gets, by stream."""
        log = {"log": self.err} if self.terminal and self.err >= 0 else {}
        return {**self.outputs(), **log, **(dict((self.ready,)) if self.ready else {})}

    def spooled(self) -> dict[str, int]:
        """Return the descriptors of its spools, by the names that they have for a daemon."""
        return {SPOOL + name: spool.fd for name, spool in self.spools.items()}

    def settle(self) -> None:
        """Close what it told by that it is ready."""
        if self.ready is not None:
            os.close(self.ready[1])
            self.ready = None

    def close_input(self) -> None:
        """Close the writing end of its standard input."""
        if self.input >= 0:
            os.close(self.input)
            self.input = -1

    def close(self) -> None:
        """Close all our ends."""
        self.close_input()
        self.settle()
        for fd in (self.out, self.err):
            if fd >= 0:
                os.close(fd)
        self.out = self.err = -1
        for spool in self.spools.values():
            spool.close()
        self.spools = _NO_SPOOLS


class Children:
    """All of them."""

    def __init__(self) -> None:
        self._living: dict[int, Child] = {}
        # apart, as no zombie of ours may be taken for one of them
        self._orphans: dict[int, Child] = {}
        self._ended: dict[tuple[str, str, int], Child] = {}
        # the newest of a name, living or ended
        self._named: dict[str, Child] = {}

    def __iter__(self) -> Iterator[Child]:
        """Go through all, those that live first."""
        yield from tuple(self._living.values())
        yield from tuple(self._orphans.values())
        yield from tuple(self._ended.values())

    def __len__(self) -> int:
        """How many there are, living and ended."""
        return self.living + len(self._ended)

    @property
    def living(self) -> int:
        """How many live."""
        return len(self._living) + len(self._orphans)

    def add(self, child: Child) -> None:
        """Take in a process that lives, or that ended under an earlier keeper."""
        if child.exit is None:
            (self._living if child.is_ours else self._orphans)[child.pid] = child
        else:
            self._ended[child.jail, child.exec, child.pid] = child
        self._named[_name(child.jail, child.exec)] = child

    def find(self, jail: str, exec: str) -> Child | None:
        """Return the newest process of that name."""
        return self._named.get(_name(jail, exec))

    def find_living(self, pid: int) -> Child | None:
        """Return our child that was not reaped yet and has this pid."""
        return self._living.get(pid)

    def find_orphan(self, pid: int) -> Child | None:
        """Return the orphan of an earlier keeper that had this pid when it was last seen to live."""
        return self._orphans.get(pid)

    def living_of(self, jail: str) -> list[Child]:
        """Return all processes of a jail that are not known to have ended."""
        return [child for child in (*self._living.values(), *self._orphans.values()) if child.jail == jail]

    def end(self, child: Child, exit: Exit) -> None:
        """Take note that it ended."""
        (self._living if child.is_ours else self._orphans).pop(child.pid, None)
        child.exit = exit
        self._ended[child.jail, child.exec, child.pid] = child

    def release_terminals(self, jail: str) -> None:
        """
        Close the terminals of a jail's processes that ended; all that was to be read of them was read.

        On FreeBSD a jail is not gone while a descriptor that was made in it is open anywhere.
        """
        for child in self._ended.values():
            if child.jail == jail and child.terminal:
                child.close()

    def forget(self, jail: str, exec: str, pid: int) -> Child | None:
        """Let go of one that ended, and of its descriptors; return it, None where there is none."""
        child = self._ended.pop((jail, exec, pid), None)
        if child is not None:
            child.close()
            name = _name(jail, exec)
            if self._named.get(name) is child:
                del self._named[name]
        return child


_READY = ("ready", "notify")
#: of nearly all, and one in memory; never changed
_NO_SPOOLS: Mapping[str, Spool] = {}


def _name(jail: str, exec: str) -> str:
    # an id holds no slash; the name of an init process is its jail's, one string in memory
    return f"{jail}/{exec}" if exec else jail
