"""
What jails that crash all the time cost, with the delays of the default.

A hundred jails whose program ends at once are run with restart=always.  Once their
delays have reached the cap the CPU time of the daemon, of the keeper, and of what the
keeper has reaped (its workers, and the programs themselves) is taken for a while.
It takes twelve minutes, so it is not among all.

    python -m benchmarks.crashes [--seconds 300]
"""

import time

from benchmarks import host
from benchmarks.bundles import BOX, Bundles
from benchmarks.daemon import Daemon
from benchmarks.figure import Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import cpu

_JAILS = 100
#: until the delays have reached the cap, as a multiple of what is watched
_SETTLE = 1.4


def restarts(daemon: Daemon) -> int:
    """Return how many restarts there were."""
    words = [word for line in daemon.ask("status") for word in line.split()]
    return sum(int(word.removeprefix("restarts=")) for word in words if word.startswith("restarts="))


def measure(plan: Plan) -> list[Figure]:
    """Return what it costs of a processor."""
    with host.work_directory() as directory:
        installed = plan.installed(directory)
        bundle = Bundles(directory).make("false", [BOX, "false"])
        with Daemon(installed, directory) as daemon:
            for number in range(_JAILS):
                daemon.connect(f"run c{number} {bundle} restart=always wait=none").close()
            time.sleep(plan.seconds * _SETTLE)
            pids = {"daemon": daemon.pid, "keeper": daemon.keeper}
            before = {name: cpu(pid) for name, pid in pids.items()}
            count, began = restarts(daemon), time.monotonic()
            time.sleep(plan.seconds)
            span, count = time.monotonic() - began, restarts(daemon) - count
            what = "a hundred jails that crash: of a processor"
            found = [Figure("a hundred jails that crash: restarts", "runjd", "1/s", (count / span,))]
            for name, pid in pids.items():
                own, reaped = (100 * (now - then) / span for now, then in zip(cpu(pid), before[name], strict=True))
                found.append(Figure(what, name, "%", (own,)))
                found.append(Figure(what, f"what the {name} reaped", "%", (reaped,)))
            return found


if __name__ == "__main__":
    run(measure, __doc__)
