"""
Plain processes under supervisors: ours without isolation, s6, runit and supervisor.

None of the others isolates anything, and they leave output to others; ours writes it into a log here, too.
Every service tells in a FIFO that it runs, and then sleeps.  Each supervisor is asked to restart at once, and each
service has run for longer than a second before it is killed, as runit waits where it ran for less; s6 and supervisor
take a second in any case.

    python -m benchmarks.services
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import host, peers
from benchmarks.bundles import BOX, Bundles
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, OURS, PEER, Figure
from benchmarks.floors import Bare
from benchmarks.installation import Installation
from benchmarks.measurement import Plan, run
from benchmarks.processes import below, command_of, pss_of
from benchmarks.timing import ms_of
from benchmarks.zero import running

STARTED = "n services started, from the start of their supervisor"
RESTART = "one of n services starts again, from kill(2) to its first act"
MEMORY = "memory of what supervises n services, for each"
PROCESSES = "processes that supervise n services, for each"
#: runsvdir takes no more
_MOST = 1000
#: what s6 and runit take for a service that came up
_UP = 1.3


class Told:
    """The FIFO in which services tell their pids."""

    def __init__(self, path: str) -> None:
        os.mkfifo(path)
        self.path = path
        self._file = open(path, "r+b", buffering=0)
        self._rest = b""

    @property
    def command(self) -> list[str]:
        """The command of a service."""
        return [BOX, "sh", "-c", f"echo $$ >{self.path}; exec {BOX} sleep 100000"]

    def next(self, count: int) -> list[int]:
        """Return so many pids, once they are told."""
        while self._rest.count(b"\n") < count:
            self._rest += os.read(self._file.fileno(), 4096)
        lines = self._rest.split(b"\n")
        self._rest = b"\n".join(lines[count:])
        return [int(each) for each in lines[:count]]


#: runs supervised services, so many of them, and yields what returns the supervisor's own processes
Supervisor = Callable[[str, Told, int], "Iterator[Callable[[], list[int]]]"]


def measure(plan: Plan) -> list[Figure]:
    """Return what each costs, at each number of services."""
    found: list[Figure] = []
    with host.work_directory() as directory, ExitStack() as stack:
        installed = plan.installed(directory)
        bare = stack.enter_context(Bare(Bundles(directory).root))
        sizes = [each for each in plan.sizes if each <= _MOST]
        for size in sizes[-1:] if plan.is_quick else sizes:
            for who, supervisor in _supervisors(installed).items():
                own = f"{directory}/{len(found)}"
                os.mkdir(own)
                role = OURS if who.startswith("runjd") else PEER
                found += _of(who, role, contextmanager(supervisor), own, size, plan)
            told = Told(f"{directory}/floor-{size}")
            respawned = tuple(bare.respawn(told.path, told.command) for _ in range(plan.few))
            found.append(Figure(RESTART, "waitpid, fork, exec", "ms", respawned, size, FLOOR))
    return found


def _of(who: str, role: str, supervised: Callable[..., object], directory: str, size: int, plan: Plan) -> list[Figure]:
    told = Told(f"{directory}/told")
    with ExitStack() as stack:
        began = time.perf_counter()
        supervisors: Callable[[], list[int]] = stack.enter_context(supervised(directory, told, size))  # type: ignore[arg-type] # a contextmanager
        pids = told.next(size)
        started = 1e3 * (time.perf_counter() - began)
        time.sleep(_UP)
        own = supervisors()
        memory = pss_of(own)
        restarts = []
        for number in range(min(plan.few, 5)):
            if number >= size:
                time.sleep(_UP)
            restarts.append(ms_of(lambda: _restart(told, pids)))
    return [
        Figure(STARTED, who, "ms", (started,), size, role),
        Figure(RESTART, who, "ms", tuple(restarts), size, role),
        Figure(MEMORY, who, "KiB", (memory / size,), size, role, is_each=True),
        Figure(PROCESSES, who, "processes", (len(own) / size,), size, role, is_each=True),
    ]


def _restart(told: Told, pids: list[int]) -> None:
    """Kill the one that runs longest, and wait for the next."""
    os.kill(pids.pop(0), signal.SIGKILL)
    pids += told.next(1)


def _supervisors(installed: Installation) -> dict[str, Supervisor]:
    found: dict[str, Supervisor] = {
        "runjd, not isolated": lambda directory, told, size: _runjd(installed, directory, told, size)
    }
    for name, supervisor in (("s6", _s6), ("runit", _runit), ("supervisor", _supervisord)):
        if peers.are_here(name):
            found[name] = supervisor
    return found


def _runjd(installed: Installation, directory: str, told: Told, size: int) -> Iterator[Callable[[], list[int]]]:
    command = ", ".join(f'"{word}"' for word in told.command)
    with open(f"{directory}/runjd.toml", "w", encoding="utf-8") as file:
        file.write('[daemon]\nruntime = "plain"\n[defaults]\nrestart = "always"\nbackoff = { first = 0 }\n')
        for number in range(size):
            file.write(f'[jail.service{number}]\nroot = "/"\ncommand = [{command}]\n')
    with Daemon(installed, directory) as daemon:
        yield daemon.pids


def _s6(directory: str, told: Told, size: int) -> Iterator[Callable[[], list[int]]]:
    path = peers.path_of("s6") or ""
    with running([path, "-c", str(2 * size + 10), _services(directory, told, size)]) as pid:
        yield lambda: _but_services(pid)


def _runit(directory: str, told: Told, size: int) -> Iterator[Callable[[], list[int]]]:
    with running([peers.path_of("runit") or "", _services(directory, told, size)]) as pid:
        yield lambda: _but_services(pid)


def _supervisord(directory: str, told: Told, size: int) -> Iterator[Callable[[], list[int]]]:
    script = f"{directory}/service"
    _write_script(script, told)
    with open(f"{directory}/supervisord.conf", "w", encoding="utf-8") as file:
        file.write(f"[supervisord]\nnodaemon=true\nuser=root\nminfds={4 * size + 1024}\nminprocs=200\n")
        file.write(f"logfile={directory}/supervisord.log\npidfile={directory}/supervisord.pid\n")
        file.write(f"[program:service]\ncommand={script}\nnumprocs={size}\nautorestart=true\nstartsecs=0\n")
        file.write("process_name=%(program_name)s%(process_num)04d\nstdout_logfile=NONE\nstderr_logfile=NONE\n")
    with running([peers.path_of("supervisor") or "", "-c", f"{directory}/supervisord.conf"]) as pid:
        yield lambda: _but_services(pid)


def _services(directory: str, told: Told, size: int) -> str:
    """Make directories of services as s6 and runit take them; return where."""
    for number in range(size):
        os.makedirs(f"{directory}/services/service{number}")
        _write_script(f"{directory}/services/service{number}/run", told)
    return f"{directory}/services"


def _write_script(path: str, told: Told) -> None:
    shell, _, program = told.command[0], told.command[1], told.command[3]
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"#!{shell} sh\n{program}\n")
    os.chmod(path, 0o755)


def _but_services(pid: int) -> list[int]:
    return [each for each in below(pid) if command_of(each)[:2] != [BOX, "sleep"]]


if __name__ == "__main__":
    run(measure, __doc__)
