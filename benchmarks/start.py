"""
How long from "run this" to "it has ended", against other ways to do it.

Every contender runs /bin/true of the same bundle (a static busybox, the default
mounts, masks and capabilities, new namespaces), in turn, so that a noisy machine
is noisy for all of them; what counts are the ratios within one run.  What they keep of
jails lies on a tmpfs, as /run does: ext4 is slow to make what was removed just before.

    python -m benchmarks.start
"""

import itertools
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial

from benchmarks import host, peers
from benchmarks.bundles import TRUE, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon, say
from benchmarks.figure import FLOOR, OURS, PEER, Budget, Figure
from benchmarks.floors import Bare
from benchmarks.installation import Installation
from benchmarks.measurement import Plan, run
from benchmarks.timing import ms_of, seconds_of

SEQUENTIAL = "start to exit of /bin/true, one after another"
TOGETHER = "start to exit of /bin/true, 4 at once"
IN_A_ROW = "start to exit of /bin/true, of a thousand without a pause"
_ATONCE = 4
Contender = Callable[[str], object]


def by_daemon(daemon: Daemon, bundle: str) -> Contender:
    """Return one RUN through the control socket; each thread has its own connection."""
    free = [daemon.connect() for _ in range(_ATONCE)]

    def start(name: str) -> None:
        connection = free.pop()
        if "exit=0" not in (answer := say(connection, f"run {name} {bundle} rm=yes wait=stopped")):
            raise SystemExit(f"The daemon says {answer}")
        free.append(connection)

    return start


def by_runtime(program: str, directory: str, bundle: str) -> Contender:
    """Return ``run`` of an OCI runtime's command line."""
    return lambda name: _call(program, "--root", directory, "run", "--bundle", bundle, name)


def by_conmon(conmon: Conmon, bundle: str) -> Contender:
    """Return what podman does: conmon creates by crun, crun starts, conmon tells of the exit, crun deletes."""

    def start(name: str) -> None:
        conmon.create(name, bundle)
        conmon.start(name)
        conmon.wait(name)
        conmon.delete(name)

    return start


def by_floor(bare: list[Bare], *, mounts: bool = False) -> Contender:
    """Return namespaces and nothing else, or what the bundle mounts."""
    free = list(bare)

    def start(name: str) -> None:
        del name
        each = free.pop()
        each.start(TRUE, mounts=mounts)
        free.append(each)

    return start


def contenders(
    stack: ExitStack, installed: Installation, directory: str, bundles: Bundles
) -> dict[str, tuple[str, Contender]]:
    """Return all that are here, with their roles."""
    bundle = bundles.make("true", TRUE)
    daemon = stack.enter_context(Daemon(installed, directory))
    found: dict[str, tuple[str, Contender]] = {
        "runjd, by the daemon": (OURS, by_daemon(daemon, bundle)),
        "runj run": (OURS, by_runtime(installed.program("runj"), f"{directory}/runj", bundle)),
    }
    for name in ("crun", "runc"):
        if peers.are_here(name):
            found[f"{name} run"] = PEER, by_runtime(name, f"{directory}/{name}", bundle)
    if peers.are_here("crun", "conmon"):
        found["conmon+crun"] = PEER, by_conmon(Conmon(f"{directory}/conmon"), bundle)
    bare = [stack.enter_context(Bare(bundles.root)) for _ in range(_ATONCE)]
    found["fork, unshare, exec"] = FLOOR, by_floor(bare)
    found["fork, unshare, mounts, exec"] = FLOOR, by_floor(bare, mounts=True)
    return found


def measure(plan: Plan) -> list[Figure]:
    """Return how long each takes, and how many they do in a second."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        installed = plan.installed(directory)
        everybody = contenders(stack, installed, directory, Bundles(directory))
        found = _in_turn(everybody, plan)
        return found if plan.is_quick else found + _in_a_row(everybody)


def _in_a_row(everybody: dict[str, tuple[str, Contender]]) -> list[Figure]:
    """Return what the first hundred of a thousand take of the daemon, and what the last hundred do."""
    who = next(iter(everybody))
    _, contender = everybody[who]
    times = [ms_of(partial(contender, f"row{number}")) for number in range(1000)]
    parts = {"the first hundred": times[:100], "the last hundred": times[-100:]}
    return [Figure(IN_A_ROW, f"{who}, {part}", "ms", tuple(samples)) for part, samples in parts.items()]


def _in_turn(everybody: dict[str, tuple[str, Contender]], plan: Plan) -> list[Figure]:
    names = (f"bench{number}" for number in itertools.count())
    times: dict[str, list[float]] = {who: [] for who in everybody}
    rates: dict[str, list[float]] = {who: [] for who in everybody}
    for _, contender in everybody.values():
        contender(next(names))
    for _ in range(plan.rounds * 2):
        for who, (_, contender) in everybody.items():
            times[who].append(ms_of(partial(contender, next(names))))
    with ThreadPoolExecutor(_ATONCE) as pool:
        for _ in range(plan.few):
            for who, (_, contender) in everybody.items():
                ids = [next(names) for _ in range(_ATONCE * 4)]
                rates[who].append(len(ids) / seconds_of(partial(_all_of, pool, contender, ids)))
    found = []
    for who, (role, _) in everybody.items():
        budget = Budget(1.0, "runc run") if who == "runj run" else None
        found.append(Figure(SEQUENTIAL, who, "ms", tuple(times[who]), role=role, budget=budget))
        found.append(Figure(TOGETHER, who, "1/s", tuple(rates[who]), role=role, is_rate=True))
    return found


def _all_of(pool: ThreadPoolExecutor, contender: Contender, ids: list[str]) -> None:
    list(pool.map(contender, ids))


def _call(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    run(measure, __doc__)
