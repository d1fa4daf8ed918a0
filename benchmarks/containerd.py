"""
Containers of containerd: jails of our daemon beside containerd's own shim for runc, by turns, on one containerd.

``ctr run --rm /bin/true`` from its start to its end; from the death of a container until containerd tells; what
50 idle containers cost in memory; output through FIFOs to ctr, and the processor's time for that.  On a machine
of its own, made of namespaces; needs root and Debian's containerd.

    benchmarks/containerd.py [--runs 20] [--idle 50] [--megabytes 1024]
"""

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from tests.peers.machine import Machine  # noqa: E402 # the path comes first
from tests.peers.tasks import SHIMS, Tasks  # noqa: E402

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TICKS = os.sysconf("SC_CLK_TCK")
#: in the command lines of what runs containers, for whom it is ours, and for runc
_OURS = ("containerd-shim-runj-v1", "runjd-keeper", "twisted.scripts.twistd")
_RUNC = ("containerd-shim-runc-v2",)


class Side:
    """Containers of one runtime."""

    def __init__(self, tasks: Tasks, shim: str) -> None:
        self.name = SHIMS[shim]
        self._tasks = tasks
        self._words = _OURS if shim == "runj" else _RUNC

    def run(self, options: str, name: str, *command: str) -> float:
        """Run a container; return the seconds that takes."""
        began = time.perf_counter()
        done = self._tasks.run(options, name, *command, runtime=self.name)
        seconds = time.perf_counter() - began
        if done.status != 0:
            raise SystemExit(f"{self.name}: {done.complaint}")
        return seconds

    def remove(self, name: str) -> None:
        """Remove a container."""
        self._tasks.remove(name)

    def pids(self) -> list[int]:
        """Return the processes that run containers, as we see them: not those of the containers."""
        found = []
        for name in os.listdir("/proc"):
            if not name.isdigit() or _namespace(name) != _namespace(str(self._tasks.machine.first)):
                continue
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if any(word in command for word in self._words):
                found.append(int(name))
        return found

    def memory(self) -> int:
        """Return the PSS of these processes, in KiB."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
        return total

    def cpu(self) -> float:
        """Return the seconds of the processor that these processes used."""
        total = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / _TICKS


def _namespace(pid: str) -> str:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return ""


def host_pid(pid: int) -> int:
    """Return the pid, as we see it, of a process of the machine."""
    for name in os.listdir("/proc"):
        try:
            words = Path(f"/proc/{name}/status").read_text().partition("NSpid:")[2].split("\n")[0].split()
        except OSError:
            continue
        if len(words) > 1 and words[1] == str(pid):
            return int(name)
    raise SystemExit(f"there is no process {pid}")


def take_precedence(machine: Machine) -> None:
    """Let the machine have the processors before all others, where version 1 of control groups shares them."""
    for line in Path(f"/proc/{machine.first}/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        shares = Path(f"/sys/fs/cgroup/cpu{group}/cpu.shares")
        if "cpu" in controllers.split(",") and shares.exists():
            shares.write_text("262144")


def show(what: str, ours: float, runcs: float, unit: str, digits: int = 1) -> None:
    """Print a row."""
    ratio = ours / (runcs or 1)
    print(f"| {what:55} | {ours:10.{digits}f} | {runcs:10.{digits}f} | {unit:7} | {ratio:7.3f} |", flush=True)


def runs(sides: list[Side], count: int) -> None:
    """A short program, by turns."""
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    for number in range(count + 1):
        for side in sides if number % 2 else sides[::-1]:
            seconds = side.run("--rm", f"run{number}", "/bin/true")
            if number:
                taken[side.name].append(seconds * 1000)
    ours, runcs = (taken[side.name] for side in sides)
    show(f"ctr run --rm /bin/true, median of {count}", statistics.median(ours), statistics.median(runcs), "ms")
    show("the same, the fastest", min(ours), min(runcs), "ms")


def exits(tasks: Tasks, sides: list[Side], count: int) -> None:
    """From SIGKILL of init until ``ctr events`` has said so."""
    taken: dict[str, list[float]] = {side.name: [] for side in sides}
    with tasks.talk("events") as conversation:
        for number in range(count):
            for side in sides:
                name = f"exit-{side.name.split('.')[-2]}-{number}"
                side.run("--detach", name, "sleep", "1000")
                pid = host_pid(tasks.pid(name))
                conversation.expect(f'/tasks/start {{"container_id":"{name}"'.encode())
                began = time.perf_counter()
                os.kill(pid, signal.SIGKILL)
                conversation.expect(f'/tasks/exit {{"container_id":"{name}"'.encode())
                taken[side.name].append((time.perf_counter() - began) * 1000)
                side.remove(name)
    ours, runcs = (taken[side.name] for side in sides)
    show(f"death to event, median of {count}", statistics.median(ours), statistics.median(runcs), "ms", 2)


def idle(sides: list[Side], count: int) -> None:
    """Memory of containers that sleep."""
    all_of, each_of = [], []
    for side in sides:
        names = [f"idle-{side.name.split('.')[-2]}-{number}" for number in range(count)]
        before = side.memory()
        for name in names:
            side.run("--detach", name, "sleep", "1000")
        time.sleep(1.0)
        after = side.memory()
        all_of.append(after / count)
        each_of.append((after - before) / count)
        for name in names:
            side.remove(name)
    show(f"PSS of all that runs {count} containers, by container", all_of[0], all_of[1], "KiB", 0)
    show("PSS that one more container adds", each_of[0], each_of[1], "KiB", 0)


def output(sides: list[Side], megabytes: int) -> None:
    """Zeros through standard output to ctr."""
    rates, costs = [], []
    for side in sides:
        best, cost = 0.0, 0.0
        for number in range(3):
            side.run("--rm", f"warm{number}", "/bin/true")
            name = f"out{number}"
            with tempfile.TemporaryDirectory() as directory:
                script = f"dd if=/dev/zero bs=65536 count={megabytes * 16} 2>/dev/null; sleep 1"
                rate, used = side_output(side, name, script, megabytes, directory)
            if rate > best:
                best, cost = rate, used
        rates.append(best)
        costs.append(cost * 1024 / megabytes)
    show(f"{megabytes} MiB through FIFOs to ctr, best of 3", rates[0], rates[1], "MB/s", 0)
    show("CPU of what stands between", costs[0], costs[1], "s/GiB", 2)


def side_output(side: Side, name: str, script: str, megabytes: int, directory: str) -> tuple[float, float]:
    """Return MB/s and the seconds of the processor."""
    pipe_read, pipe_write = os.pipe()
    tasks = side._tasks
    argv = tasks.argv("--rm", name, "sh", "-c", script, runtime=side.name)
    null = os.open(os.devnull, os.O_RDWR)
    before, peak = side.cpu(), 0.0
    began = time.perf_counter()
    with tasks.machine.start(argv, [null, pipe_write, null]) as program:
        os.close(pipe_write)
        size, first = 0, 0.0
        while data := os.read(pipe_read, 1 << 20):
            first = first or time.perf_counter()
            size += len(data)
            if size >= megabytes << 20:
                break
        seconds = time.perf_counter() - (first or began)
        peak = max(peak, side.cpu() - before)
        os.close(pipe_read)
        program.wait()
    os.close(null)
    # ctr itself loses a part of a pipe now and then, with each of the two
    assert size > (megabytes << 20) * 0.99, f"{size} bytes of {megabytes << 20}"
    return size / seconds / 1e6, peak


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--idle", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=1024)
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        machine = Machine(directory, {"PATH": _PATH, "HOME": "/root", "LC_ALL": "C.UTF-8"})
        try:
            take_precedence(machine)
            with Tasks(machine, Path(directory), "runj") as tasks:
                sides = [Side(tasks, "runj"), Side(tasks, "runc")]
                print(f"| {'':55} | {'runjd':>10} | {'runc':>10} | {'':7} | {'ratio':>7} |", flush=True)
                runs(sides, words.runs)
                exits(tasks, sides, words.runs)
                idle(sides, words.idle)
                output(sides, words.megabytes)
        finally:
            machine.switch_off()


if __name__ == "__main__":
    main()
