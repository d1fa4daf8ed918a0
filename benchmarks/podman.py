"""
``podman run --rm /bin/true`` with each runtime, from its start to its end, by turns.

On a machine of its own, made of namespaces, as podman writes everywhere; needs root and Debian's podman.

    python -m benchmarks.podman
"""

import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks import host, peers
from benchmarks.containerd import PATH
from benchmarks.figure import OURS, PEER, Budget, Figure
from benchmarks.measurement import Plan, run
from benchmarks.timing import ms_of
from tests.peers.machine import Machine
from tests.peers.podman import Podman

_WHAT = "podman run --rm /bin/true"


def measure(plan: Plan) -> list[Figure]:
    """Return how long it takes with each runtime."""
    if not peers.are_here("podman", "conmon", "runc"):
        return []
    with tempfile.TemporaryDirectory() as directory, host.work_directory() as prefix, ExitStack() as stack:
        installed = plan.installed(prefix)
        machine = Machine(directory, {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
        stack.callback(machine.switch_off)
        podman = Podman(machine, Path(directory), "runc")
        runtimes = {"podman with runj": installed.program("runj"), "podman with runc": podman.path}
        if path := peers.path_of("crun"):
            runtimes["podman with crun"] = path
        times: dict[str, list[float]] = {who: [] for who in runtimes}
        for number in range(plan.few * 2 + 1):
            for who, runtime in runtimes.items():
                took = ms_of(partial(podman.good, f"--runtime {runtime} run --rm box /bin/true"))
                if number:  # the first round warms up
                    times[who].append(took)
        podman.leftovers()
    budget = Budget(1.0, "podman with runc")
    return [
        Figure(_WHAT, who, "ms", tuple(taken), role=OURS, budget=budget)
        if who.endswith("runj")
        else Figure(_WHAT, who, "ms", tuple(taken), role=PEER)
        for who, taken in times.items()
    ]


if __name__ == "__main__":
    run(measure, __doc__)
