"""
How long after the death of a jail somebody knows of it: until who watches has been told.

From kill(2) on, with all that the kernel does to end a jail, and from the moment on at which its parent could know it.
Ours tells who subscribed, once the end is recorded; conmon puts a file into a directory, which is
watched by inotify(7), as podman does.  The floor is the parent that waits by waitpid(2).

    python -m benchmarks.notice
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count

from benchmarks import host, peers
from benchmarks.arrivals import Arrivals
from benchmarks.bundles import SLEEP, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon
from benchmarks.death import Death
from benchmarks.figure import FLOOR, OURS, PEER, Budget, Figure
from benchmarks.floors import Bare
from benchmarks.measurement import Plan, run

NOTICE = "exit notice, from kill(2) until it is told"
REAPED = "exit notice, from when waitid(2) could tell the end until it is told"
_BUDGET = Budget(0.5)

#: ms from kill(2), and from the death
Times = tuple[float, float]


@contextmanager
def noticing(daemon: Daemon, bundle: str) -> Iterator["Notices"]:
    """Yield who is told of ends by the daemon."""
    with daemon.connect("subscribe ev=exit") as connection, connection.makefile("rb") as stream:
        connection.settimeout(60)
        yield Notices(daemon, bundle, stream)


class Notices:
    """Ends of jails, one after another."""

    def __init__(self, daemon: Daemon, bundle: str, stream: Iterator[bytes]) -> None:
        self._daemon = daemon
        self._bundle = bundle
        self._stream = stream
        self._names = (f"notice{number}" for number in count())

    def once(self) -> Times:
        """Return how long it takes until the end of one is told."""
        name = next(self._names)
        self._daemon.control("run", "-d", "--name", name, self._bundle)
        pid = self._daemon.running()[name]
        with Death(pid) as death:
            began = time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            while f"jail={name} ".encode() not in next(self._stream):
                pass
            told = time.perf_counter()
        self._daemon.control("delete", "-f", name)
        return (told - began) * 1e3, (told - death.at) * 1e3


def of_conmon(conmon: Conmon, bundle: str, name: str) -> Times:
    """Return how long it takes until conmon has told of the end of one."""
    conmon.create(name, bundle)
    conmon.start(name)
    pid = conmon.pid(name)
    with Arrivals(conmon.exits) as arrivals, Death(pid) as death:
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        arrivals.wait(name)
        told = time.perf_counter()
    conmon.delete(name)
    return (told - began) * 1e3, (told - death.at) * 1e3


def measure(plan: Plan) -> list[Figure]:
    """Return how long it takes each."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        installed = plan.installed(directory)
        bundles = Bundles(directory)
        bundle = bundles.make("sleep", SLEEP)
        daemon = stack.enter_context(Daemon(installed, directory))
        notices = stack.enter_context(noticing(daemon, bundle))
        bare = stack.enter_context(Bare(bundles.root))
        conmon = Conmon(f"{directory}/conmon") if peers.are_here("crun", "conmon") else None
        ours: list[Times] = []
        theirs: list[Times] = []
        floor: list[float] = []
        for number in range(plan.rounds):
            ours.append(notices.once())
            floor.append(bare.notice())
            if conmon is not None:
                theirs.append(of_conmon(conmon, bundle, f"end{number}"))
    found = []
    for what, budget, place in ((NOTICE, None, 0), (REAPED, _BUDGET, 1)):
        found.append(Figure(what, "runjd", "ms", tuple(each[place] for each in ours), role=OURS, budget=budget))
        if theirs:
            found.append(Figure(what, "conmon+crun", "ms", tuple(each[place] for each in theirs), role=PEER))
    return [*found, Figure(NOTICE, "waitpid", "ms", tuple(floor), role=FLOOR)]


if __name__ == "__main__":
    run(measure, __doc__)
