"""
One hook's process, from its fork to its end.

Without subprocess: a hook may have to be run by the child between fork and exec,
which imports nothing.  A hook gets three descriptors and no others, a session of
its own, and ends with whoever runs it: a hook must not go on to change a host
from which its container was taken away meanwhile.
"""

from __future__ import annotations

import errno
import os
import select
import time

from runjd.container.program import Environment
from runjd.kernel.closing import close_others
from runjd.kernel.parent_death import die_with_parent
from runjd.kernel.signals import reset_signals
from runjd.values import Value

_HAS_MEMORY_FILES = hasattr(os, "memfd_create")
if not _HAS_MEMORY_FILES:
    # now, as the child between fork and exec cannot
    from runjd.kernel.freebsd.files import anonymous_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
    from typing import NoReturn
else:
    import _signal

#: bytes of the output that are kept, the last ones
_TAIL = 2048
#: seconds between two looks for the end of a process whose output somebody else holds open, at least and at most
_PAUSES = (0.001, 0.05)
#: seconds until a killed process must be gone; in an uninterruptible sleep it may outlast that
_PATIENCE = 5.0
_ENDING = {_signal.SIGHUP, _signal.SIGINT, _signal.SIGQUIT, _signal.SIGTERM}
_READ = select.POLLIN | select.POLLHUP


_NOBODY_WAITS = "nobody waits for the container any more"


def always() -> bool:
    """Whatever happens it is wanted."""
    return True


class TooLong(Exception):
    """The process took longer than it may; it was killed with its group."""


class Pointless(Exception):
    """Nobody wants what the process does any more, so it was killed; says why."""


class Ended(Value):
    """How a process ended, as os.waitstatus_to_exitcode tells, and the last it wrote to its output and error."""

    status: int
    output: bytes


def open_document(document: bytes) -> int:
    """Return a descriptor for the standard input of hooks: a file in memory, which nobody needs to feed."""
    fd = os.memfd_create("state", os.MFD_CLOEXEC) if _HAS_MEMORY_FILES else anonymous_file()
    while document:
        document = document[os.write(fd, document) :]
    return fd


def run_program(
    path: bytes,
    arguments: Sequence[bytes],
    environment: Sequence[bytes],
    document: int,
    *,
    timeout: float | None,
    prepare: Callable[[], None],
    confine: Callable[[], None],
    watch: int = -1,
    is_wanted: Callable[[], bool] = always,
) -> Ended:
    """
    Run a program to its end.

    :param document: what :func:`open_document` returned; read from its start.
    :param timeout: seconds; None for no limit.
    :param prepare: called in the child, while it still has all descriptors.
    :param confine: called in the child, right before execve(2).
    :param watch: descriptor of a socket; when its other end is closed the program is killed,
        and when a signal that asks us to end is waiting until we are ready for it.
    :param is_wanted: asked several times a second; when it says no the program is killed.
    :raise OSError: the program cannot be executed, or not be forked.
    :raise TooLong: see there.
    :raise Pointless: see there.
    """
    os.lseek(document, 0, os.SEEK_SET)
    output, theirs = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    told, telling = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            os.set_blocking(theirs, True)
            _become(path, arguments, environment, (document, theirs), telling, parent, prepare, confine)
    except BaseException:
        for fd in (output, theirs, told, telling):
            os.close(fd)
        raise
    os.close(theirs)
    os.close(telling)
    try:
        return _follow(pid, output, told, timeout, watch, is_wanted)
    finally:
        os.close(output)
        os.close(told)


def _become(
    path: bytes,
    arguments: Sequence[bytes],
    environment: Sequence[bytes],
    streams: tuple[int, int],
    telling: int,
    parent: int,
    prepare: Callable[[], None],
    confine: Callable[[], None],
) -> NoReturn:
    number = errno.EIO
    try:
        die_with_parent(parent)
        os.setsid()
        prepare()
        os.dup2(streams[0], 0)
        os.dup2(streams[1], 1)
        os.dup2(streams[1], 2)
        close_others([telling])
        reset_signals()
        words, entries = list(arguments), Environment(environment)
        confine()
        os.execve(path, words, entries)  # type: ignore[arg-type]
    except OSError as error:
        number = error.errno or errno.EIO
    finally:
        os.write(telling, b"%d" % number)
        os._exit(127)


def _follow(
    pid: int, output: int, told: int, timeout: float | None, watch: int, is_wanted: Callable[[], bool]
) -> Ended:
    """Wait for the end of the program, and only for its own: who it left running may keep its output."""
    deadline = None if timeout is None else time.monotonic() + timeout
    poll = select.poll()
    poll.register(output, _READ)
    if watch >= 0:
        poll.register(watch, select.POLLHUP)
    tail = b""
    pause, longest = _PAUSES
    try:
        while True:
            for fd, _ in poll.poll(_milliseconds(pause, deadline)):
                if fd == watch:
                    raise Pointless(_NOBODY_WAITS)
                part = _read(output)
                tail = (tail + part)[-_TAIL:]
                if not part:
                    # as a rule it ends now
                    poll.unregister(output)
                    pause = _PAUSES[0]
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            if watch >= 0 and _signal.sigpending() & _ENDING:
                raise Pointless(_NOBODY_WAITS)
            if not is_wanted():
                raise Pointless("the container was deleted meanwhile")
            if deadline is not None and time.monotonic() >= deadline:
                raise TooLong
            pause = min(pause * 2, longest)
    except BaseException:
        _kill(pid)
        raise
    failed = _read(told)
    if failed:
        number = int(failed)
        raise OSError(number, os.strerror(number))
    return Ended(os.waitstatus_to_exitcode(status), (tail + _read(output))[-_TAIL:])


def _milliseconds(pause: float, deadline: float | None) -> int:
    left = pause if deadline is None else min(pause, max(deadline - time.monotonic(), 0))
    return int(left * 1000) + 1


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return b""


def _kill(pid: int) -> None:
    """Kill the process and its group, and wait for it; it was not reaped, so the group is still its own."""
    deadline = time.monotonic() + _PATIENCE
    while not os.waitpid(pid, os.WNOHANG)[0]:
        for kill in (os.killpg, os.kill):  # it may not lead a group yet
            try:
                kill(pid, _signal.SIGKILL)
            except ProcessLookupError:
                continue
        if time.monotonic() >= deadline:
            return
        time.sleep(_PAUSES[0])
