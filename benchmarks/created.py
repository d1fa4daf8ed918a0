"""
What a container costs that was created and is not started yet: the process in it that waits for the start.

    python -m benchmarks.created
"""

import json
import subprocess
import time

from benchmarks import host
from benchmarks.bundles import TRUE, Bundles
from benchmarks.cli import runtimes
from benchmarks.figure import FLOOR, OURS, PEER, Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import below, pss_of

_MEMORY = "created, not yet started: memory of each"
_PROCESSES = "created, not yet started: processes of each"
_WAITS = "import time; time.sleep(1000)"


def measure(plan: Plan) -> list[Figure]:
    """Return memory and processes of each runtime's containers."""
    host.leave_hybrid_cgroups()
    count = max(5, plan.few)
    found = []
    with host.work_directory() as directory:
        installed = plan.installed(directory)
        bundle = Bundles(f"{directory}/created").make("true", TRUE)
        with runtimes(installed.program("runj"), directory, peers_too=True) as contenders:
            for who, runtime in contenders.items():
                names = [f"created{number}" for number in range(count)]
                for name in names:
                    runtime.call("create", "--bundle", bundle, name)
                time.sleep(0.5)
                trees = [below(json.loads(runtime.output("state", name))["pid"]) for name in names]
                role = OURS if who == "runj" else PEER
                memory = tuple(float(pss_of(tree)) for tree in trees)
                found.append(Figure(_MEMORY, who, "KiB", memory, role=role))
                found.append(Figure(_PROCESSES, who, "processes", tuple(float(len(tree)) for tree in trees), role=role))
        bare = [subprocess.Popen([installed.python, "-I", "-S", "-c", _WAITS]) for _ in range(count)]
        time.sleep(0.5)
        memory = tuple(float(pss_of([each.pid])) for each in bare)
        for process in bare:
            process.kill()
            process.wait()
    return [*found, Figure(_MEMORY, "the bare interpreter, which waits", "KiB", memory, role=FLOOR)]


if __name__ == "__main__":
    run(measure, __doc__)
