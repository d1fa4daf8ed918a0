"""
How the descriptors that a daemon may have are shared out, so that no use of them takes those of another.

A table that is full makes accept(2) fail, and the descriptors of a jail that was just
started get lost on their way; so nothing is begun that does not fit.
"""

from __future__ import annotations

from runjd.values import Value

#: what the daemon needs for itself, and for a moment
OWN = 32
#: of one process of a jail: its output, error and input, its log, where else that goes, and whoever watches for its
#: end; of a task of containerd: a terminal, both ends of what is typed, where it goes, and two that watch its memory
OF_PROCESS = 6
#: connections of the control protocol, however many descriptors there are
CONNECTIONS = 256
#: a limit that is no limit
_UNLIMITED = 1 << 20


class Shares(Value):
    """
    How many of each there may be.

    :ivar limit: descriptors in all.
    :ivar processes: of jails, exec processes among them.
    :ivar connections: of the control protocol.
    :ivar readers: of logs at the same time, by those connections.
    """

    limit: int
    processes: int
    connections: int
    readers: int


def share_out(limit: int) -> Shares:
    """
    Return the shares: the control protocol has a third, but no more than it can use, and processes the rest.

    :param limit: RLIMIT_NOFILE; RLIM_INFINITY is negative.
    """
    limit = _UNLIMITED if limit < 0 else min(limit, _UNLIMITED)
    control = min(2 * CONNECTIONS, limit // 3)
    return Shares(limit, max(0, (limit - OWN - control) // OF_PROCESS), control // 2, control // 2)
