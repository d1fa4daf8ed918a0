"""
What the keeper makes of its own process, and what its workers take back.

The keeper is the last that should die when memory runs out, may have as many
descriptors as the hard limit says, and hears of signals through a pipe.  None of
that is for a jail: a worker takes it back before it does anything else.
"""

from __future__ import annotations

import gc
import os
import resource

from runjd.kernel.closing import close_others
from runjd.kernel.coredumps import forbid_core_dumps
from runjd.kernel.reaper import become_reaper

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Mapping
    from typing import Any
else:
    import _signal

#: the keeper's name in ps(1) and top(1)
_NAME = b"runjd-keeper"
_OOM_SCORE = "/proc/self/oom_score_adj"
_IGNORED = (_signal.SIGHUP, _signal.SIGPIPE, _signal.SIGQUIT, _signal.SIGUSR1, _signal.SIGUSR2)
_HEARD = (_signal.SIGCHLD, _signal.SIGTERM, _signal.SIGINT)
#: lower ones may be refused
_OOM_SCORES = (b"-1000", b"-999", b"-500", b"0")


class OwnProcess:
    """
    Our own process, as the keeper.

    :ivar descriptors_max: how many descriptors it may have.
    :ivar signals: readable when a signal came; its bytes are their numbers.
    :param before: what it was like before it became the keeper, where another version of us has made one of it.
    """

    def __init__(self, before: Mapping[str, Any] | None = None) -> None:
        umask, score = os.umask(0o077), _read(_OOM_SCORE)
        if before is None:
            before = {
                "limits": resource.getrlimit(resource.RLIMIT_NOFILE),
                "umask": umask,
                "oom_score": None if score is None else score.decode("ascii"),
            }
        self.before = before
        soft, hard = before["limits"]
        self._limits = int(soft), int(hard)
        self._umask = int(before["umask"])
        self._oom_score = None if before["oom_score"] is None else str(before["oom_score"]).encode("ascii")
        self.descriptors_max = self._limits[0]
        self.signals = -1

    def settle(self) -> None:
        """Become the keeper; once, in the process that stays."""
        os.chdir("/")
        if os.getsid(0) != os.getpid() and os.getpgrp() != os.getpid():
            os.setsid()
        become_reaper()
        forbid_core_dumps()
        _write("/proc/self/comm", _NAME)
        for score in _OOM_SCORES:
            if self._oom_score is not None and int(score) < int(self._oom_score) and _write(_OOM_SCORE, score):
                break
        self._raise_limit()
        self.signals, wakeup = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        _signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in _IGNORED:
            _signal.signal(number, _signal.SIG_IGN)
        for number in _HEARD:
            _signal.signal(number, _heard)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, _HEARD)  # as they are after :meth:`block`
        # What is loaded now stays for good: workers share its pages, as no collection touches them.
        gc.collect()
        gc.freeze()

    def become_worker(self, keep: int) -> None:
        """In a child that was just forked: let go of all that is the keeper's, but one descriptor."""
        self.become_another()
        close_others([keep])
        gc.disable()
        os.umask(self._umask)
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def become_another(self) -> None:
        """In a child that was just forked: be nobody who has to live."""
        _signal.set_wakeup_fd(-1)
        for number in (*_HEARD, *_IGNORED):
            _signal.signal(number, _signal.SIG_IGN if number == _signal.SIGPIPE else _signal.SIG_DFL)
        if self._oom_score is not None:
            _write(_OOM_SCORE, self._oom_score)

    def block(self, is_blocked: bool) -> None:
        """Have signals wait that would end us while we execute another program, which knows what to do with them."""
        _signal.pthread_sigmask(_signal.SIG_BLOCK if is_blocked else _signal.SIG_UNBLOCK, _HEARD)

    def heard(self) -> bytes:
        """Return the numbers of the signals that came since the last call."""
        try:
            return os.read(self.signals, 4096)
        except BlockingIOError:
            return b""

    def _raise_limit(self) -> None:
        soft, hard = self._limits
        if soft != hard:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
                soft = hard
            except (OSError, ValueError):
                pass  # FreeBSD: more than kern.maxfilesperproc
        self.descriptors_max = soft if soft != resource.RLIM_INFINITY else 2**31


def _heard(number: int, frame: object) -> None:
    """The number stands in the pipe already."""


def _read(path: str) -> bytes | None:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return os.read(fd, 64).strip()
    finally:
        os.close(fd)


def _write(path: str, data: bytes) -> bool:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, data)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
