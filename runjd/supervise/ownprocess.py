"""What the process of the daemon is set to: memory, time, threads, descriptors, signals, and its end with an error."""

from __future__ import annotations

import atexit
import faulthandler
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import Logger

from runjd.kernel.coredumps import forbid_core_dumps
from runjd.kernel.heap import settle_heap

#: bytes that chunks of output and their records take for a moment
_CHUNKS = 1 << 20
#: seconds for which the thread that writes a flood may keep the reactor waiting, each time that it wants to go on
_SWITCH = 0.0005

_log = Logger()


@contextmanager
def without_tls() -> Iterator[None]:
    """
    Keep Twisted from importing pyOpenSSL, where it is installed, along with the reactor.

    It brings cryptography: 13 MB, for a daemon that speaks no TLS; the porter does, without it.
    """
    if "OpenSSL" in sys.modules:
        yield
        return
    sys.modules["OpenSSL"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["OpenSSL"]


def settle(reactor: Any) -> None:
    """Settle memory, time, threads and core dumps; before any delayed call is pending."""
    forbid_core_dumps()
    settle_heap(_CHUNKS)
    _keep_time(reactor)
    sys.setswitchinterval(_SWITCH)


def raise_limit(limits: tuple[int, int]) -> None:
    """Have as many descriptors as the hard limit says; see :mod:`runjd.policy.descriptors`."""
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    except (OSError, ValueError) as error:
        _log.warn("the limit of descriptors stays at {soft}: {error}", soft=limits[0], error=error)


def mind_signals(reactor: Any, hang_up: Callable[[], None], reopen: Callable[[], None]) -> None:
    """
    Mind signals.

    A watchdog that has enough of us sends SIGABRT: then all stacks are told.

    :param hang_up: called in the reactor for SIGHUP.
    :param reopen: called in the reactor for SIGUSR1, behind what twistd does with it for its own log.
    """
    faulthandler.enable(sys.__stderr__ or 2)
    before = signal.getsignal(signal.SIGUSR1)

    def asked(signum: int, frame: Any) -> None:
        if callable(before):
            before(signum, frame)
        reactor.callFromThread(reopen)

    signal.signal(signal.SIGUSR1, asked)
    signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(hang_up))


def end_with(reactor: Any, reason: str) -> None:
    """End with an error: one line, and a status that twistd leaves to us."""
    sys.stderr.write(f"runjd: {reason}\n")
    atexit.register(os._exit, 1)
    if reactor.running:
        reactor.stop()


def _keep_time(reactor: Any) -> None:
    """
    Have time limits and delays last as long as they say, whatever is done to the clock of the wall.

    Twisted measures them by time.time: a clock that is set a day ahead ends all of them at once, and one that is
    set back makes them a day longer.  No delayed call may be pending yet.
    """
    reactor.seconds = time.monotonic
