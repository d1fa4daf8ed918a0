"""
Many ends at once: all are killed, and it is waited until each is recorded and told.

Ours records an end in a file, and tells who subscribed, once for each and in order, which is checked; conmon puts a
file into a directory.  The floor is a loop that waits by waitpid(2) and writes such a file by renaming it.  What the
keeper alone does is measured while the daemon is stopped, of jails that are not isolated: of others the kernel has to
take their namespaces down.

    python -m benchmarks.ends
"""

import os
import signal
import time
from contextlib import ExitStack

from benchmarks import host, peers
from benchmarks.bundles import SLEEP, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, OURS, PEER, Budget, Figure
from benchmarks.floors import Bare
from benchmarks.idle import run_quietly
from benchmarks.jails import end_all
from benchmarks.measurement import Plan, run
from benchmarks.timing import until

RECORDED = "n jails killed at once while no daemon listens, until each end is recorded"
ENDS = "n jails killed at once, until each end is recorded and told"
_FLOOR = "waitpid, write, rename"
#: of the floor
_BUDGET = Budget(2.0, _FLOOR)
REMOVED = "n jails killed at once, until each is removed, too"


def measure(plan: Plan) -> list[Figure]:
    """Return how long it takes each, at three sizes; of 2,000 jails at most 500 end at once."""
    host.leave_hybrid_cgroups()
    found = []
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        bundles = Bundles(directory)
        bundle, plain = bundles.make("sleep", SLEEP), bundles.make_plain("plain", SLEEP)
        daemon = stack.enter_context(Daemon(plan.installed(directory), directory))
        bare = stack.enter_context(Bare(bundles.root))
        for size in plan.shares(20, 8, 4):
            for who, own, runtime in (("runjd", bundle, "linux"), ("runjd, not isolated", plain, "plain")):
                taken = [_ours(daemon, own, size, runtime) for _ in range(max(1, plan.few // 3))]
                found.append(Figure(ENDS, who, "ms", tuple(each[0] for each in taken), size, OURS))
                found.append(Figure(REMOVED, who, "ms", tuple(each[1] for each in taken), size, OURS))
            recorded = tuple(_recorded(daemon, plain, size) for _ in range(max(1, plan.few // 3)))
            found.append(Figure(RECORDED, "runjd, not isolated", "ms", recorded, size, OURS, budget=_BUDGET))
            if peers.are_here("crun", "conmon"):
                took = _conmons(f"{directory}/conmon{size}", bundle, size)
                found.append(Figure(ENDS, "conmon+crun", "ms", (took,), size, PEER))
            records = f"{directory}/records-{size}"
            os.mkdir(records)
            took = bare.ends(records, size)
            found += [Figure(what, _FLOOR, "ms", (took,), size, FLOOR) for what in (RECORDED, ENDS)]
    return found


def _ours(daemon: Daemon, bundle: str, size: int, runtime: str) -> tuple[float, float]:
    names = [f"end{number}" for number in range(size)]
    run_quietly(daemon, bundle, names, runtime)
    told, removed = end_all(daemon)
    for begin in range(0, size, 100):
        daemon.control("delete", "-f", *names[begin : begin + 100])
    return told * 1e3, removed * 1e3


def _recorded(daemon: Daemon, bundle: str, size: int) -> float:
    names = [f"end{number}" for number in range(size)]
    run_quietly(daemon, bundle, names, "plain")
    targets, records = daemon.running(), f"{daemon.directory}/state/keeper/exits"
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        began = time.perf_counter()
        for pid in targets.values():
            os.kill(pid, signal.SIGKILL)
        until(lambda: sum(name.endswith(".exit") for name in os.listdir(records)) >= len(targets), nap=0.001)
        took = time.perf_counter() - began
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    until(lambda: not daemon.running(), nap=0.2)
    for begin in range(0, size, 100):
        daemon.control("delete", "-f", *names[begin : begin + 100])
    return took * 1e3


def _conmons(directory: str, bundle: str, size: int) -> float:
    conmon = Conmon(directory)
    names = [f"end{number}" for number in range(size)]
    for name in names:
        conmon.create(name, bundle)
        conmon.start(name)
    pids = [conmon.pid(name) for name in names]
    began = time.perf_counter()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    until(lambda: len(os.listdir(conmon.exits)) >= size, nap=0.002)
    took = time.perf_counter() - began
    for name in names:
        conmon.delete(name)
    return took * 1e3


if __name__ == "__main__":
    run(measure, __doc__)
