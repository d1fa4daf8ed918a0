"""
Descriptors that the caller of a runtime gives to the program, besides 0, 1 and 2.

Two sources, one row: sockets that somebody listens on already (sd_listen_fds(3)),
and whatever else the caller asked for (``--preserve-fds``).  They keep their
numbers, so nothing of ours may ever be opened among them: whoever takes them
checks first that each is open.
"""

from __future__ import annotations

import os

from runjd.errors import BadArgument
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST = 3


class Passed(Value):
    """
    What is passed on.

    :ivar total: how many descriptors, from 3 on.
    :ivar listening: how many of them, the first ones, are sockets to listen on.
    :ivar names: of these sockets, as ``LISTEN_FDNAMES`` has them; empty without.
    :ivar more: numbers of others, which are not in the row.
    """

    total: int = 0
    listening: int = 0
    names: str = ""
    more: tuple[int, ...] = ()

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The numbers."""
        return (*range(FIRST, FIRST + self.total), *self.more)

    def environment(self, before: list[bytes], pid: int) -> list[bytes]:
        """
        Return the environment of a program that is told of the sockets.

        :param pid: of the program, as it sees itself.
        """
        if not self.listening:
            return before
        kept = [each for each in before if not each.startswith(b"LISTEN_")]
        told = [b"LISTEN_PID=%d" % pid, b"LISTEN_FDS=%d" % self.listening]
        if self.names:
            told.append(b"LISTEN_FDNAMES=" + os.fsencode(self.names))
        return [*kept, *told]


#: what a program gets that was asked for nothing more
NOTHING = Passed()


def take(more: int, environment: Mapping[str, str], pid: int) -> Passed:
    """
    Return what our caller gave us to pass on; to be called before anything is opened.

    :param more: how many, behind the sockets that ``environment`` tells of.
    :param pid: ours: sockets that are meant for another process are none of ours.
    :raise BadArgument: one of them is not open.
    """
    listening = 0
    if environment.get("LISTEN_PID") == str(pid):
        digits = environment.get("LISTEN_FDS", "")
        listening = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 6 else 0
    passed = Passed(listening + more, listening, environment.get("LISTEN_FDNAMES", "") if listening else "")
    for fd in passed.descriptors:
        try:
            os.fstat(fd)
        except OSError:
            told = f"LISTEN_FDS={listening}" if fd < FIRST + listening else f"--preserve-fds {more}"
            raise BadArgument(f"{told}: descriptor {fd} is not open") from None
    return passed
