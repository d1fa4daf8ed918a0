"""
How long a new daemon takes until it has all jails again, from its execve(2) on.

The jails run sleep(1) with the runtime plain.  The daemon is killed, another one is
started, and it is asked again and again: the time is taken when the control socket
answers, and when it tells all of them as running, with the pids that they had.  The floor
is an interpreter that imports what twistd does before it reads its first option.

    python -m benchmarks.readopt
"""

import time

from benchmarks.cli import once
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, Figure
from benchmarks.installation import Installation
from benchmarks.jails import write_configuration
from benchmarks.measurement import Plan, run
from benchmarks.timing import until

RESTART = "a new daemon has all n jails again"
_ANSWERS = "a new daemon answers, with n jails"
_IMPORTS = "from twisted.scripts import twistd; from twisted.internet import reactor"


def readopt(daemon: Daemon, jails: int) -> tuple[float, float]:
    """Kill a daemon and start another one; return the ms until it answers, and until it has all jails."""
    before = daemon.running()
    daemon.kill()
    began = time.perf_counter()
    daemon.spawn()
    until(daemon.answers, nap=0.002)
    answered = time.perf_counter() - began
    until(lambda: len(daemon.running()) == jails, nap=0.002)
    adopted = time.perf_counter() - began
    if daemon.running() != before:
        raise SystemExit("The jails are not the same as before.")
    return answered * 1e3, adopted * 1e3


def measure(plan: Plan) -> list[Figure]:
    """Return how long it takes, at three numbers of jails."""
    return plan.at_shares(_at, 20, 4, 1)


def _at(installed: Installation, directory: str, size: int, rounds: int) -> list[Figure]:
    write_configuration(directory, size, size)
    answered, adopted, imported = [], [], []
    with Daemon(installed, directory) as daemon:
        daemon.until_running(size)
        for number in range(rounds + 1):
            time.sleep(0.5)
            times = readopt(daemon, size)
            if number:  # the first round wrote what is not there yet
                answered.append(times[0])
                adopted.append(times[1])
                imported.append(once([installed.python, "-c", _IMPORTS]).wall)
    found = []
    for what, times_of_all in ((_ANSWERS, answered), (RESTART, adopted)):
        found.append(Figure(what, "runjd", "ms", tuple(times_of_all), size))
        found.append(Figure(what, "twistd and the reactor imported", "ms", tuple(imported), size, FLOOR))
    return found


if __name__ == "__main__":
    run(measure, __doc__)
