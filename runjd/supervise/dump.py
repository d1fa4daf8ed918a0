"""
What a report of a fault should have: versions, jails, configuration, events, stacks, descriptors.

No environment, no output of a program, no words of commands: it is sent to others.
"""

from __future__ import annotations

import os
import platform
import resource
import stat
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

import runjd
import twisted
from runjd.config.listing import listing
from runjd.config.model import Configuration
from runjd.interfaces import IController
from runjd.protocols.control.tokens import format_fields
from runjd.protocols.control.verbs.render import event_line, show_fields
from runjd.runtime.packages import check_packages
from runjd.supervise.pulse import BOUNDS, Lag

#: the newest of the events
EVENTS = 2000
#: descriptors, and delayed calls, that are told one by one
_MANY = 2000


class Dump:
    """
    Tells all of it, part by part; each is made as it is taken.

    :param reactor: the daemon's.
    :param now: wall time in seconds.
    :param configuration: returns what is in force.
    :param queues: return how much waits, by the name of what it waits for.
    """

    def __init__(
        self,
        controller: IController,
        reactor: Any,
        now: Callable[[], float],
        configuration: Callable[[], Configuration],
        lag: Callable[[], Lag],
        queues: Mapping[str, Callable[[], int]],
    ) -> None:
        self._controller = controller
        self._reactor = reactor
        self._now = now
        self._configuration = configuration
        self._lag = lag
        self._queues = queues

    def parts(self) -> Iterator[tuple[str, Iterator[str]]]:
        """Yield the parts: a name, and lines."""
        yield "versions", self._versions()
        yield "daemon", self._daemon()
        yield "jails", self._jails()
        yield "configuration", listing(self._configuration())
        yield "events", self._events()
        yield "stacks", stacks()
        yield "descriptors", descriptors()

    def _versions(self) -> Iterator[str]:
        yield f"runjd {runjd.__version__}"
        yield f"python {platform.python_version()} {sys.executable}"
        yield f"twisted {twisted.__version__}"
        yield f"system {' '.join(platform.uname())}"
        for each in check_packages():
            yield f"{each.subject} {each.text}"

    def _daemon(self) -> Iterator[str]:
        yield f"run {self._controller.run_id}"
        yield f"pid {os.getpid()} uid {os.geteuid()}"
        yield f"reactor {type(self._reactor).__module__}.{type(self._reactor).__qualname__}"
        lag = self._lag()
        for bound, count in zip((*BOUNDS, "more"), lag.counts, strict=True):
            yield f"late up to {bound} s: {count}"
        yield f"stalls {lag.stalls}"
        for name, length in self._queues.items():
            yield f"waiting for {name}: {length()}"
        for session in self._controller.sessions():
            yield f"session {session.number} {session.kind} {session.jail} {session.by}"
        calls = self._reactor.getDelayedCalls()
        yield f"delayed calls {len(calls)}"
        now = self._reactor.seconds()
        for call in islice(calls, _MANY):
            name = getattr(call.func, "__qualname__", type(call.func).__qualname__)
            yield f"    in {call.getTime() - now:.1f} s {name}"
        used = resource.getrusage(resource.RUSAGE_SELF)
        yield f"processor {used.ru_utime:.2f} s user, {used.ru_stime:.2f} s system"
        yield f"memory {used.ru_maxrss} at most, in the units of getrusage(2)"

    def _jails(self) -> Iterator[str]:
        for facts in self._controller.jails():
            yield format_fields(show_fields(facts._replace(says=""), self._now()))

    def _events(self) -> Iterator[str]:
        lost, events = self._controller.events.since(max(0, self._controller.events.last_seq - EVENTS))
        if lost:
            yield f"# {lost} are forgotten"
        for event in events:
            yield event_line(event).decode("utf-8", "replace").rstrip("\n")


def stacks() -> Iterator[str]:
    """Yield where each thread is, the innermost call last."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in list(sys._current_frames().items()):
        yield f"thread {names.get(ident, ident)}"
        for call in traceback.format_stack(frame):
            yield from call.rstrip("\n").split("\n")


def descriptors() -> Iterator[str]:
    """Yield what each open descriptor is, as far as the system tells."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield f"limits {limits[0]} {limits[1]}"
    directory = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    numbers = sorted(int(each) for each in os.listdir(directory) if each.isdigit())
    yield f"open {len(numbers)}"
    for fd in numbers[:_MANY]:
        try:
            kind = stat.filemode(os.fstat(fd).st_mode)
        except OSError:
            continue  # that of the directory, which was read
        try:
            where = os.readlink(f"{directory}/{fd}")
        except OSError:
            where = "-"
        yield f"{fd} {kind} {where}"
