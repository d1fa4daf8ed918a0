"""
How fast the output of one jail becomes a log, against conmon and against bare loops in Python.

Every contender gets the same lines of 100 bytes from the same program (a static busybox's cat, in the same
root), in turn, so that a noisy machine is noisy for all of them; what counts are the ratios within one run.  The
clock runs from the moment at which the program may write until all of it is in the file, and the CPU is that of
whoever logs: not of the program, not of the kernel's writing back.  Files lie on a tmpfs.

    python -m benchmarks.log
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import count

from benchmarks import floors, host, peers
from benchmarks.bundles import BOX, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon
from benchmarks.figure import FLOOR, OURS, PEER, Figure
from benchmarks.measurement import Plan, run
from benchmarks.processes import cpu_of_threads
from benchmarks.timing import until
from runjd.values import Value

LINE = b"x" * 99 + b"\n"
FORMS = ("raw", "ts", "json", "cri")
#: what a bare loop writes before each line
_HEAD = "2026-11-23T15:01:20.102113000Z stdout F "
_CHUNKS = (65_536, 131_072)
#: what the program does: wait for the word, write, and stay
_ONCE = f"{BOX} cat /go; {BOX} cat /data; exec {BOX} sleep 1000"
#: conmon's k8s-file is what cri is here; the other forms have nobody to be measured by
_PEERS_FORM = "cri"


class Writing(Value):
    """
    One program that is about to write.

    :param pid: of whoever logs.
    :param log: the file.
    :param end: ends the program and whoever logs.
    """

    pid: int
    log: str
    end: Callable[[], object]


class Contender(Value):
    """Somebody who logs: in which form, and how a program begins whose output that is."""

    who: str
    form: str
    role: str
    begin: Callable[[], Writing]


def ours(daemon: Daemon, form: str) -> Contender:
    """Return the daemon, with the jail whose log has that form."""

    def begin() -> Writing:
        daemon.control("start", form)
        log = f"{daemon.directory}/log/{form}.log"
        return Writing(daemon.pid, log, lambda: daemon.control("stop", "--timeout", "0", form))

    return Contender("runjd", form, OURS, begin)


def conmons(conmon: Conmon, bundle: str) -> Contender:
    """Return conmon with crun, as podman calls it."""
    numbers = count()

    def begin() -> Writing:
        name = f"log{next(numbers)}"
        conmon.create(name, bundle)
        conmon.start(name)

        def end() -> None:
            conmon.kill(name)
            conmon.delete(name)

        return Writing(conmon.monitor(name), conmon.log(name), end)

    return Contender("conmon k8s-file", _PEERS_FORM, PEER, begin)


def loops(root: str, directory: str, form: str) -> list[Contender]:
    """Return bare loops in Python; they are given the program's output, without a jail."""
    head = _HEAD if form == "cri" else ""
    return [
        Contender(f"bare loop, {size >> 10} KiB", form, FLOOR, partial(_loop, root, directory, size, head))
        for size in _CHUNKS
    ]


def _loop(root: str, directory: str, size: int, head: str) -> Writing:
    log = f"{directory}/loop.log"
    words = ["chroot", root, BOX, "sh", "-c", _ONCE]
    program = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
    reader = subprocess.Popen(floors.loop(size, head, log), stdin=program.stdout)
    until(lambda: os.path.exists(log))  # it has started

    def end() -> None:
        os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        if program.stdout is not None:
            program.stdout.close()
        reader.kill()
        reader.wait()
        os.unlink(log)

    return Writing(reader.pid, log, end)


def measure(plan: Plan) -> list[Figure]:
    """Return the rates and what they cost, at three sizes."""
    host.leave_hybrid_cgroups()
    found = []
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        installed = plan.installed(directory)
        bundles = Bundles(directory)
        bundle = bundles.make("log", [BOX, "sh", "-c", _ONCE])
        _describe_jails(directory, bundle)
        daemon = stack.enter_context(Daemon(installed, directory))
        contenders = [ours(daemon, form) for form in FORMS]
        if peers.are_here("crun", "conmon"):
            # In a group of its own the program would get another share of the processor than those of the others.
            contenders.append(conmons(Conmon(f"{directory}/conmon", ["--cgroup-manager=disabled"]), bundle))
        contenders += [loop for form in ("raw", "cri") for loop in loops(bundles.root, directory, form)]
        for lines in (plan.lines // 16, plan.lines // 4, plan.lines)[2 * plan.is_quick :]:
            _write_data(bundles.root, lines)
            found += _in_turn(contenders, bundles.root, lines * len(LINE), plan.few)
    return found


def _in_turn(contenders: list[Contender], root: str, size: int, rounds: int) -> list[Figure]:
    """Return for each contender MB a second, and CPU seconds for each GB."""
    rates: dict[Contender, list[float]] = {each: [] for each in contenders}
    costs: dict[Contender, list[float]] = {each: [] for each in contenders}
    for number in range(rounds + 1):
        for each in contenders:
            writing = each.begin()
            try:
                spent, cpu = _timed(writing, root, size)
            finally:
                writing.end()
            if each.role == OURS:
                os.unlink(writing.log)
            if number:  # the first round warms up
                rates[each].append(size / spent / 1e6)
                costs[each].append(cpu * 1e9 / size)
    found, megabytes = [], size // 1_000_000
    for each in contenders:
        what = f"log as {each.form}, by MB that are written"
        rate, cost = tuple(rates[each]), tuple(costs[each])
        found.append(Figure(f"{what}: rate", each.who, "MB/s", rate, megabytes, each.role, is_rate=True))
        found.append(Figure(f"{what}: processor", each.who, "s/GB", cost, megabytes, each.role, is_each=True))
    return found


def _timed(writing: Writing, root: str, size: int) -> tuple[float, float]:
    """Let the program write; return the seconds until all is in the file, and those of CPU."""
    before, log = cpu_of_threads(writing.pid), writing.log
    began = time.perf_counter()
    with open(f"{root}/go", "wb"):  # opens when the program does
        pass
    until(lambda: os.path.exists(log) and os.path.getsize(log) >= size)
    while _is_growing(log, size // len(LINE)):
        time.sleep(0.0005)
    return time.perf_counter() - began, cpu_of_threads(writing.pid) - before


def _is_growing(log: str, lines: int) -> bool:
    """Return whether a part is missing: each line has the same head, but only the file says how long it is."""
    with open(log, "rb") as file:
        record = len(file.readline())
    return os.path.getsize(log) < record * lines


def _write_data(root: str, lines: int) -> None:
    with open(f"{root}/data", "wb") as file:
        for _ in range(lines // 1000):
            file.write(LINE * 1000)
        file.write(LINE * (lines % 1000))


def _describe_jails(directory: str, bundle: str) -> None:
    """Write runjd.toml: a jail for each form."""
    with open(f"{directory}/runjd.toml", "w", encoding="utf-8") as file:
        for form in FORMS:
            file.write(f'[jail.{form}]\nbundle = "{bundle}"\nlog = {{ format = "{form}", max-size = 0 }}\n')
            file.write('autostart = false\nrestart = "never"\n')


if __name__ == "__main__":
    run(measure, __doc__)
