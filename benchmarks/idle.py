"""
What idle jails cost, by their number, and what everything else costs beside them.

The jails are isolated, have logged 100 lines and sleep.  At each number of them are taken: memory
(PSS) and processes of what runs them; the processor that it uses while nothing happens; what the
list and the status of all cost; and the start, the exec and the end of one more.

    python -m benchmarks.idle
"""

import time
from collections.abc import Callable
from contextlib import ExitStack

from benchmarks import attach, host, notice, peers, start
from benchmarks.bundles import BOX, SLEEP, TRUE, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon, line, say
from benchmarks.figure import FLOOR, PEER, Budget, Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import cpu_of_threads, pss_of
from benchmarks.timing import ms_of, until
from runjd.values import Value

MEMORY = "memory of all that runs n idle jails, for each"
MORE = "memory that one more idle jail adds, from the size before to n"
PROCESSES = "processes that run n idle jails, for each"
IDLE = "processor while n jails sleep"
BESIDE = "beside n idle jails: "
QUIET = [BOX, "sh", "-c", f"for n in $({BOX} seq 100); do echo line $n; done; exec {BOX} sleep 100000"]
#: the budget of a jail more is for those behind the first hundred
_FIRST = 100
_BUDGET = Budget(8.0)
_OURS, _CONMON = "runjd", "conmon+crun"
#: starts that are asked for at a time
_ATONCE = 16
#: the most that conmon runs: a process for each
_MOST = 1000
#: seconds after which the keeper's workers, which wait for another job, are gone
_WORKERS_GONE = 60.0


class Seen(Value):
    """What there is at one number of jails."""

    size: int
    memory: int
    processes: int


def run_quietly(daemon: Daemon, bundle: str, names: list[str], runtime: str = "linux") -> None:
    """Run jails, several at a time."""
    with daemon.connect() as connection:
        for begin in range(0, len(names), _ATONCE):
            some = names[begin : begin + _ATONCE]
            requests = [f"{tag} run {name} {bundle} runtime={runtime}\n" for tag, name in enumerate(some)]
            connection.sendall("".join(requests).encode())
            for _ in some:
                answer = line(connection)
                if not answer.startswith("+"):
                    raise SystemExit(f"The daemon says {answer}")


def measure(plan: Plan) -> list[Figure]:
    """Return all that at each number of jails, ours and conmon's."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        bundles = Bundles(directory)
        quiet = bundles.make("quiet", QUIET)
        found = _conmons(f"{directory}/conmon", quiet, plan) if peers.are_here("crun", "conmon") else []
        daemon = stack.enter_context(Daemon(plan.installed(directory), directory))
        beside = _Beside(daemon, bundles, plan)
        run_quietly(daemon, quiet, ["idle0"])
        _have_all_threads(daemon)
        beside.at(1)
        daemon.control("delete", "-f", "idle0")
        before = _look(daemon, 0, plan)
        for size in plan.sizes:
            run_quietly(daemon, quiet, [f"idle{number}" for number in range(before.size, size)])
            found += _memory(_OURS, before, _look(daemon, size, plan)) + _processor(daemon, size, plan)
            found += beside.at(size)
            before = _look(daemon, size, plan)
        return found


class _Beside:
    """What is done beside idle jails."""

    def __init__(self, daemon: Daemon, bundles: Bundles, plan: Plan) -> None:
        self._daemon = daemon
        self._sleep = bundles.make("sleep", SLEEP)
        self._true = bundles.make("true", TRUE)
        self._echo = bundles.make("echo", attach.ECHO, terminal=True)
        self._rounds = plan.few * 3

    def at(self, size: int) -> list[Figure]:
        """Return what each costs now."""
        begin = start.by_daemon(self._daemon, self._true)
        with attach.attached_to_echo(self._daemon, self._echo, "echo") as attached:
            for _ in range(self._rounds):
                attach.trip(attached)
            trips = self._figure("round trip of a byte through a terminal", size, lambda: attach.trip(attached))
        self._daemon.control("delete", "-f", "echo")
        with self._daemon.connect() as connection, notice.noticing(self._daemon, self._sleep) as notices:
            return [
                trips,
                self._figure("list, by the socket", size, lambda: self._daemon.ask("list")),
                self._figure("status, by the socket", size, lambda: self._daemon.ask("status")),
                self._figure("runjctl list", size, lambda: self._daemon.control("list")),
                self._figure("runjctl status", size, lambda: self._daemon.control("status")),
                self._figure("ping", size, lambda: say(connection, "ping")),
                self._figure("start to exit of /bin/true", size, lambda: begin(f"once{time.monotonic_ns()}")),
                self._figure("exec, until its first byte", size, lambda: attach.exec_once(self._daemon, "idle0")),
                self._told("exit notice", size, lambda: notices.once()[0]),
            ]

    def _figure(self, what: str, size: int, work: Callable[[], object]) -> Figure:
        return self._told(what, size, lambda: ms_of(work))

    def _told(self, what: str, size: int, taken: Callable[[], float]) -> Figure:
        return Figure(BESIDE + what, _OURS, "ms", tuple(taken() for _ in range(self._rounds)), size)


def _look(daemon: Daemon, size: int, plan: Plan) -> Seen:
    """Return what there is, once all is quiet and the workers are gone; when it is quick, they are not waited for."""
    time.sleep(1.0)
    if plan.seconds > 5:
        until(lambda: len(daemon.pids()) <= 2, nap=1.0, patience=_WORKERS_GONE)
    pids = daemon.pids()
    return Seen(size, pss_of(pids), len(pids))


def _memory(who: str, before: Seen, now: Seen) -> list[Figure]:
    role = PEER if who == _CONMON else "ours"
    more = (now.memory - before.memory) / (now.size - before.size)
    budget = _BUDGET if before.size >= _FIRST and role == "ours" else None
    return [
        Figure(MEMORY, who, "KiB", (now.memory / now.size,), now.size, role, is_each=True),
        Figure(MORE, who, "KiB", (more,), now.size, role, is_each=True, budget=budget),
        Figure(PROCESSES, who, "processes", (now.processes / now.size,), now.size, role, is_each=True),
    ]


def _processor(daemon: Daemon, size: int, plan: Plan) -> list[Figure]:
    pids = [daemon.pid, daemon.keeper]
    before = sum(map(cpu_of_threads, pids))
    time.sleep(plan.seconds)
    used = 1e3 * (sum(map(cpu_of_threads, pids)) - before) / plan.seconds
    return [
        Figure(IDLE, "runjd", "ms/s", (used,), size),
        Figure(IDLE, "whoever sleeps", "ms/s", (0.0,), size, FLOOR),
    ]


def _conmons(directory: str, bundle: str, plan: Plan) -> list[Figure]:
    """Return memory and processes of conmon's containers."""
    conmon = Conmon(directory)
    names: list[str] = []
    found, before = [], Seen(0, 0, 0)
    try:
        for size in [each for each in plan.sizes if each <= _MOST]:
            for number in range(before.size, size):
                names.append(f"idle{number}")
                conmon.create(names[-1], bundle)
                conmon.start(names[-1])
            time.sleep(1.0)
            pids = [conmon.monitor(name) for name in names]
            now = Seen(size, pss_of(pids), len(pids))
            found += _memory(_CONMON, before, now)
            before = now
    finally:
        for name in names:
            conmon.kill(name)
            conmon.delete(name)
    return found


def _have_all_threads(daemon: Daemon) -> None:
    """Let the daemon read logs with as many threads as it ever has, so that their memory is not taken for a jail's."""
    for _ in range(5):
        with daemon.connect() as connection:
            connection.sendall(b"".join(b"%d log idle0 lines=10\n" % tag for tag in range(1, 61)))
            left = 60
            while left:
                left -= line(connection).startswith("+")


if __name__ == "__main__":
    run(measure, __doc__)
