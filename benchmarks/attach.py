"""
How fast a jail answers whoever is attached to it, and what a viewer costs who does not read.

In turn with conmon and crun, so that a noisy machine is noisy for all of them:

- the round trip of one byte through the terminal of a jail, in raw mode, which sends it back;
- an exec, from the request to its first byte.

Then the memory of the daemon before and after a jail wrote 1 GiB while somebody was attached who did not read.

    python -m benchmarks.attach
"""

import os
import pty
import socket
import subprocess
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import host, peers
from benchmarks.bundles import BOX, Bundles
from benchmarks.conmon import Conmon
from benchmarks.daemon import Daemon, line
from benchmarks.figure import FLOOR, OURS, PEER, Figure
from benchmarks.floors import Bare
from benchmarks.measurement import Plan, run
from benchmarks.processes import pss
from benchmarks.timing import ms_of, until
from runjd.values import Value

TRIP = "round trip of a byte through a terminal"
EXEC = "exec, until its first byte"
STALLED = "memory while a viewer does not read what a jail writes"
_RATE = "rate of what a jail writes meanwhile"
ECHO = [BOX, "sh", "-c", f"{BOX} stty raw -echo; echo ready; exec {BOX} cat"]
SAY = [BOX, "echo", "said"]
_FLOOD = "{box} cat /go; exec {box} head -c {size} /dev/zero"
#: round trips for each exec
_TRIPS = 50


class Side(Value):
    """A contender: what it does once, of both things."""

    role: str
    trip: Callable[[], object]
    exec: Callable[[], float]


def ours(daemon: Daemon, bundle: str) -> Side:
    """Return the daemon, with a jail whose terminal sends back what it gets."""
    attached = attached_to_echo(daemon, bundle, "echo")
    return Side(OURS, lambda: trip(attached), lambda: ms_of(lambda: exec_once(daemon, "echo")))


def attached_to_echo(daemon: Daemon, bundle: str, jail: str) -> socket.socket:
    """Run a jail whose terminal sends back what it gets; return a connection with that."""
    daemon.control("run", "-d", "--name", jail, bundle)
    attached = daemon.connect(f"attach {jail} lines=10")
    _until_seen(attached, b"ready")
    return attached


def trip(attached: socket.socket) -> None:
    """Send a byte, and get it back: from conmon behind one that says which stream it is."""
    attached.send(b"x")
    attached.recv(64)


def exec_once(daemon: Daemon, jail: str) -> None:
    """Run a program in a jail, and read its first byte."""
    with daemon.connect() as connection:
        connection.sendall(f"exec {jail} -- {' '.join(SAY)}\n".encode())
        answer = line(connection)
        if not answer.startswith("+") or not connection.recv(1):
            raise SystemExit(f"The daemon says {answer}")


@contextmanager
def conmons(directory: str, bundle: str) -> Iterator[Side]:
    """Yield conmon and crun with the same jail."""
    conmon = Conmon(directory)
    conmon.create("echo", bundle, "-t", "-i")
    with conmon.attach("echo") as attached:
        conmon.start("echo")
        _until_seen(attached, b"ready")
        yield Side(PEER, lambda: trip(attached), lambda: ms_of(lambda: conmon.exec("echo", SAY)))
    conmon.kill("echo")
    conmon.delete("echo")


@contextmanager
def floor(root: str, pid: int) -> Iterator[Side]:
    """Yield a bare terminal with the same program, and an exec by the fewest system calls into a running jail."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with Bare(root) as bare:
        program = subprocess.Popen([f"{root}{BOX}", "cat"], stdin=theirs, stdout=theirs)
        os.close(theirs)
        try:
            yield Side(FLOOR, lambda: (os.write(ours, b"x"), os.read(ours, 64)), lambda: bare.exec(pid))
        finally:
            program.kill()
            program.wait()
            os.close(ours)


def stalled(daemon: Daemon, bundles: Bundles, size: int) -> list[Figure]:
    """Return what the daemon has more while a jail writes that much to a viewer who does not read, and the rate."""
    program = _FLOOD.format(box=BOX, size=size)
    daemon.control("run", "-d", "--name", "flood", bundles.make("flood", [BOX, "sh", "-c", program]))
    before = most = pss(daemon.pid)
    with daemon.connect("attach flood mode=frame"):
        began = time.perf_counter()
        with open(f"{bundles.root}/go", "wb"):  # opens when the program does
            pass
        while "status=running" in daemon.ask("status flood")[0]:
            most = max(most, pss(daemon.pid))
            time.sleep(0.05)
        spent = time.perf_counter() - began
    daemon.control("delete", "-f", "flood")
    more = Figure(STALLED, "runjd", "KiB", (float(most - before),))
    return [more, Figure(_RATE, "runjd", "MB/s", (size / spent / 1e6,), is_rate=True)]


def measure(plan: Plan) -> list[Figure]:
    """Return round trips, execs, and what a viewer costs who does not read."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory, ExitStack() as stack:
        installed = plan.installed(directory)
        bundles = Bundles(directory)
        bundle = bundles.make("echo", ECHO, terminal=True)
        daemon = stack.enter_context(Daemon(installed, directory))
        sides = {"runjd": ours(daemon, bundle)}
        if peers.are_here("crun", "conmon"):
            sides["conmon+crun"] = stack.enter_context(conmons(f"{directory}/conmon", bundle))
        sides["bare terminal; fork, setns, exec"] = stack.enter_context(floor(bundles.root, daemon.running()["echo"]))
        found = _in_turn(sides, plan.rounds)
        return found + stalled(daemon, bundles, plan.lines * 500)


def _in_turn(sides: dict[str, Side], rounds: int) -> list[Figure]:
    trips: dict[str, list[float]] = {who: [] for who in sides}
    execs: dict[str, list[float]] = {who: [] for who in sides}
    for number in range(rounds + 1):
        for who, side in sides.items():
            spent = [ms_of(side.trip) for _ in range(_TRIPS)]
            took = side.exec()
            if number:  # the first round warms up
                trips[who] += spent
                execs[who].append(took)
    found = []
    for who, side in sides.items():
        names = who.split("; ") if side.role == FLOOR else (who, who)
        found.append(Figure(TRIP, names[0], "ms", tuple(trips[who]), role=side.role))
        found.append(Figure(EXEC, names[1], "ms", tuple(execs[who]), role=side.role))
    return found


def _until_seen(connection: socket.socket, text: bytes) -> None:
    seen = b""

    def is_seen() -> bool:
        nonlocal seen
        data = connection.recv(4096)
        if not data:
            raise SystemExit("The jail does not begin.")
        seen += data
        return text in seen

    until(is_seen)
    time.sleep(0.1)


if __name__ == "__main__":
    run(measure, __doc__)
