"""
Leaving this process to another version of the daemon: execve(2) in place.

Whoever started it notices nothing, as the pid stays.  What must not be free for a
moment goes along: the control socket listens on, so that clients wait for the next
daemon instead of being refused, and the locks stay locked.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping, MutableMapping, Sequence

from runjd.values import Value

#: tells the next daemon what is handed to it
VARIABLE = "RUNJD_HANDED"
#: asked for by programs and people at any time; by default they would end a process that does not listen yet
_IGNORED = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


class Handed(Value):
    """
    What goes along.

    :ivar control: descriptor of the listening control socket, -1: none.
    :ivar lock: of the directory of state, locked; ``data_lock``: of that which outlasts a reboot.
    :ivar descriptors: the soft limit with which the first daemon was started, -1: there was none before.
    """

    control: int = -1
    lock: int = -1
    data_lock: int = -1
    descriptors: int = -1


def execute(command: Sequence[str], directory: str, environment: Mapping[str, str], handed: Handed) -> None:
    """
    Become another version; nothing of this one may still be at work.

    :param command: a path and arguments.
    :param directory: where it was started.
    :param environment: with which it was started.
    :raise OSError: it cannot be executed.
    """
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    for fd in _descriptors(handed):
        os.set_inheritable(fd, True)
    said = json.dumps({"pid": os.getpid(), **handed._asdict()})
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os.chdir(directory)
    os.execve(command[0], list(command), {**environment, VARIABLE: said})


def take_handed(environment: MutableMapping[str, str]) -> Handed:
    """
    Return what an earlier version handed to this process, once; nobody whom we start hears of it.

    :param environment: that of this process.
    """
    try:
        said = json.loads(environment.pop(VARIABLE, "{}"))
        handed = Handed(*(int(said.get(name, -1)) for name in Handed._fields))
        if said.get("pid") != os.getpid():
            return Handed()
        for fd in _descriptors(handed):
            os.set_inheritable(fd, False)
    except (ValueError, TypeError, AttributeError, OSError):
        return Handed()
    return handed


def _descriptors(handed: Handed) -> list[int]:
    return [fd for fd in (handed.control, handed.lock, handed.data_lock) if fd >= 0]
