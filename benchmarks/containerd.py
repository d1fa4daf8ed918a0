"""
Containers of containerd: jails of our daemon beside containerd's own shim for runc, by turns, on one containerd.

``ctr run --rm /bin/true`` from its start to its end; from the death of a container until containerd tells; what
idle containers cost in memory and processes; output through FIFOs to ctr, and the processor's time for that.  On a
machine of its own, made of namespaces; needs root and Debian's containerd.

    python -m benchmarks.containerd
"""

import os
import signal
import tempfile
import time
from pathlib import Path

from benchmarks import peers
from benchmarks.figure import OURS, PEER, Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import all_pids, command_of, cpu, pss_of
from tests.peers.machine import Machine
from tests.peers.tasks import SHIMS, Tasks

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: in the command lines of what runs containers, for whom it is ours, and for runc
_OURS = ("containerd-shim-runj-v1", "runjd-keeper", "twisted.scripts.twistd")
_RUNC = ("containerd-shim-runc-v2",)
#: the most idle containers: the shim for runc is a process with a dozen of threads for each
_MOST = 100


class Side:
    """Containers of one runtime."""

    def __init__(self, tasks: Tasks, shim: str) -> None:
        self.name = SHIMS[shim]
        self.who = "runjd under containerd" if shim == "runj" else "containerd with runc"
        self.role = OURS if shim == "runj" else PEER
        self.tasks = tasks
        self._words = _OURS if shim == "runj" else _RUNC

    def run(self, options: str, name: str, *command: str) -> float:
        """Run a container; return the milliseconds that takes."""
        began = time.perf_counter()
        done = self.tasks.run(options, name, *command, runtime=self.name)
        took = 1e3 * (time.perf_counter() - began)
        if done.status != 0:
            raise SystemExit(f"{self.name}: {done.complaint}")
        return took

    def pids(self) -> list[int]:
        """Return the processes that run containers, as we see them: not those of the containers."""
        machine = _namespace(self.tasks.machine.first)
        return [
            pid
            for pid in all_pids()
            if _namespace(pid) == machine and any(word in " ".join(command_of(pid)) for word in self._words)
        ]

    def cpu(self) -> float:
        """Return the seconds of the processor that these processes used."""
        return sum(cpu(pid)[0] for pid in self.pids())

    def figure(self, what: str, unit: str, samples: list[float], *, is_rate: bool = False, size: int = 0) -> Figure:
        """Return a figure of this side."""
        return Figure(what, self.who, unit, tuple(samples), size, self.role, is_rate=is_rate, is_each=size > 0)


def measure(plan: Plan) -> list[Figure]:
    """Return what both sides cost."""
    if not peers.are_here("containerd"):
        return []
    with tempfile.TemporaryDirectory() as directory:
        machine = Machine(directory, {"PATH": PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
        try:
            with Tasks(machine, Path(directory), "runj") as tasks:
                sides = [Side(tasks, "runj"), Side(tasks, "runc")]
                found = runs(sides, plan.few * 2) + exits(sides, plan.few * 2)
                for size in [each for each in plan.sizes if each <= _MOST]:
                    found += [each for side in sides for each in idle(side, size)]
                return found + output(sides, max(1, plan.few // 2), plan.lines // 4000)
        finally:
            machine.switch_off()


def runs(sides: list[Side], count: int) -> list[Figure]:
    """Return a short program, by turns."""
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(count + 1):
        for side in sides if number % 2 else sides[::-1]:
            took = side.run("--rm", f"run{number}", "/bin/true")
            if number:
                taken[side.name].append(took)
    return [side.figure("ctr run --rm /bin/true", "ms", taken[side.name]) for side in sides]


def exits(sides: list[Side], count: int) -> list[Figure]:
    """Return what lies between SIGKILL of init and the moment when ``ctr events`` has said so."""
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    tasks = sides[0].tasks
    with tasks.talk("events") as conversation:
        for number in range(count):
            for side in sides:
                name = f"exit-{side.name.split('.')[-2]}-{number}"
                side.run("--detach", name, "sleep", "1000")
                pid = host_pid(tasks.pid(name))
                conversation.expect(f'/tasks/start {{"container_id":"{name}"'.encode())
                said = f'/tasks/exit {{"container_id":"{name}"'.encode()
                began = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
                conversation.expect(said)
                taken[side.name].append(1e3 * (time.perf_counter() - began))
                tasks.remove(name)
    return [side.figure("a container dies, ctr events tells", "ms", taken[side.name]) for side in sides]


def idle(side: Side, count: int) -> list[Figure]:
    """Return memory and processes of containers that sleep, for each."""
    names = [f"idle-{side.name.split('.')[-2]}-{number}" for number in range(count)]
    for name in names:
        side.run("--detach", name, "sleep", "1000")
    time.sleep(1.0)
    pids = side.pids()
    memory = pss_of(pids) / count
    for name in names:
        side.tasks.remove(name)
    return [
        side.figure("containers of containerd: memory of all that runs n, for each", "KiB", [memory], size=count),
        side.figure("containers of containerd: processes, for each", "processes", [len(pids) / count], size=count),
    ]


def output(sides: list[Side], rounds: int, megabytes: int) -> list[Figure]:
    """Return zeros through standard output to ctr."""
    found = []
    for side in sides:
        rates, costs = [], []
        for number in range(rounds):
            side.run("--rm", f"warm{number}", "/bin/true")
            script = f"dd if=/dev/zero bs=65536 count={megabytes * 16} 2>/dev/null; sleep 1"
            rate, used = _output(side, f"out{number}", script, megabytes)
            rates.append(rate)
            costs.append(used * 1e9 / (megabytes << 20))
        found.append(side.figure("output through FIFOs to ctr: rate", "MB/s", rates, is_rate=True))
        found.append(side.figure("output through FIFOs to ctr: processor of what is between", "s/GB", costs))
    return found


def host_pid(pid: int) -> int:
    """Return the pid, as we see it, of a process of the machine."""
    for each in all_pids():
        try:
            words = Path(f"/proc/{each}/status").read_text().partition("NSpid:")[2].split("\n")[0].split()
        except OSError:
            continue
        if len(words) > 1 and words[1] == str(pid):
            return each
    raise SystemExit(f"there is no process {pid}")


def _output(side: Side, name: str, script: str, megabytes: int) -> tuple[float, float]:
    """Return MB/s and the seconds of the processor."""
    pipe_read, pipe_write = os.pipe()
    argv = side.tasks.argv("--rm", name, "sh", "-c", script, runtime=side.name)
    null = os.open(os.devnull, os.O_RDWR)
    before = side.cpu()
    began = time.perf_counter()
    with side.tasks.machine.start(argv, [null, pipe_write, null]) as program:
        os.close(pipe_write)
        size, first = 0, 0.0
        while data := os.read(pipe_read, 1 << 20):
            first = first or time.perf_counter()
            size += len(data)
            if size >= megabytes << 20:
                break
        seconds = time.perf_counter() - (first or began)
        used = max(0.0, side.cpu() - before)
        os.close(pipe_read)
        program.wait()
    os.close(null)
    # ctr itself loses a part of a pipe now and then, with each of the two
    if size < (megabytes << 20) * 0.99:
        raise SystemExit(f"{side.name}: {size} bytes of {megabytes << 20}")
    return size / seconds / 1e6, used


def _namespace(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


if __name__ == "__main__":
    run(measure, __doc__)
