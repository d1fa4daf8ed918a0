"""
How fast a jail answers whoever is attached to it, and what it costs to have it.

Four figures, the first two in turn with conmon and crun, so that a noisy machine is noisy for all of them:

- the round trip of one byte through the terminal of a jail, in raw mode, which sends it back;
- an exec, from the request to its first byte;
- the memory of a jail that logged 100 lines and is silent: what daemon and keeper have more (PSS) with 100 of them;
- the memory of the daemon before and after a jail wrote 1 GiB while somebody was attached who did not read.

    make bench

Needs root on Linux.  conmon is measured where it and crun are installed.
"""

import argparse
import itertools
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import TextIO

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from start import control, daemon, leave_hybrid_cgroups  # noqa: E402 # the path comes first

from runjd.spec.example import minimal_config  # noqa: E402

BUSYBOX = "/bin/busybox"
ECHO = [BUSYBOX, "sh", "-c", f"{BUSYBOX} stty raw -echo; echo ready; exec {BUSYBOX} cat"]
SAY = [BUSYBOX, "echo", "said"]
FLOOD = [BUSYBOX, "sh", "-c", f"{BUSYBOX} cat /go; exec {BUSYBOX} head -c 1073741824 /dev/zero"]
QUIET = [BUSYBOX, "sh", "-c", f"for n in $({BUSYBOX} seq 100); do echo line $n; done; exec {BUSYBOX} sleep 1000"]
JAILS = 100
ENVIRONMENT = ["PATH=/bin"]


def connect(directory: str, request: str = "") -> socket.socket:
    """Return a connection to the daemon that was greeted and, if it was given, whose request was answered."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(f"{directory}/control")
    line(connection)
    if request:
        connection.sendall(request.encode() + b"\n")
        answer = line(connection)
        if not answer.startswith("+"):
            raise SystemExit(f"The daemon says {answer}")
    return connection


def line(connection: socket.socket) -> str:
    """Read one line, and nothing behind it."""
    data = b""
    while not data.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte:
            raise SystemExit("The daemon closed the connection.")
        data += byte
    return data.decode().rstrip()


class Bundles:
    """Bundles that differ in their program only."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        self.root = f"{directory}/root"
        for name in ("bin", "proc", "dev", "sys"):
            os.makedirs(f"{self.root}/{name}")
        busybox = shutil.which("busybox")
        if busybox is None:
            raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
        shutil.copy(busybox, f"{self.root}{BUSYBOX}")
        os.mkfifo(f"{self.root}/go")

    def make(self, name: str, args: list[str], terminal: bool = False) -> str:
        """Return a new bundle."""
        path = f"{self._directory}/{name}"
        os.mkdir(path)
        config = minimal_config(args, root=self.root, readonly=True)
        config["ociVersion"] = "1.0.2"  # crun 1.8 knows no newer one
        process = config["process"]
        assert isinstance(process, dict)
        process |= {"terminal": terminal, "env": ENVIRONMENT}
        with open(f"{path}/config.json", "w", encoding="utf-8") as file:
            json.dump(config, file)
        return path


class Runjd:
    """The daemon, with a jail whose terminal sends back what it gets."""

    def __init__(self, directory: str, bundle: str) -> None:
        self._directory = directory
        control(directory, "run", "-d", "--name", "echo", bundle)
        self._attached = connect(directory, "attach echo lines=10")
        _until_seen(self._attached, b"ready")

    def trip(self) -> None:
        """Send a byte, and get it back."""
        self._attached.sendall(b"x")
        self._attached.recv(64)

    def exec(self) -> None:
        """Run a program, and read its first byte."""
        connection = connect(self._directory)
        connection.sendall(f"exec echo -- {' '.join(SAY)}\n".encode())
        answer = line(connection)
        if not answer.startswith("+") or not connection.recv(1):
            raise SystemExit(f"The daemon says {answer}")
        connection.close()

    def end(self) -> None:
        """Remove the jail."""
        self._attached.close()
        control(self._directory, "delete", "-f", "echo")


class Conmon:
    """conmon and crun, as podman calls them, with the same jail."""

    def __init__(self, directory: str, bundle: str) -> None:
        self._directory = directory
        self._root = f"--root={directory}/crun"
        self._names = (f"e{number}" for number in itertools.count())
        os.makedirs(f"{directory}/exits")
        process, words = self._conmon(bundle, "-t", "-i", "-p", f"{directory}/echo.pid")
        with words:
            if '"data": -' in words.readline():
                raise SystemExit("conmon does not create the container.")
        process.wait()
        self._attached = self._socket(bundle)
        subprocess.run(["crun", self._root, "start", "echo"], check=True)
        _until_seen(self._attached, b"ready")

    def trip(self) -> None:
        """Send a byte, and get it back: behind one that says which stream it is."""
        self._attached.send(b"x")
        self._attached.recv(64)

    def exec(self) -> None:
        """Run a program by podman's steps: conmon is ready, we attach to it, it runs crun exec."""
        own = f"{self._directory}/{next(self._names)}"
        os.mkdir(own)
        with open(f"{own}/process.json", "w", encoding="utf-8") as file:
            json.dump({"args": SAY, "cwd": "/", "env": ENVIRONMENT, "user": {"uid": 0, "gid": 0}}, file)
        started, start = os.pipe()
        attached, attach = os.pipe()
        more = ("-p", f"{own}/pid", "-e", "--exec-attach", "--exec-process-spec", f"{own}/process.json")
        os.write(start, b"\0")
        process, words = self._conmon(own, *more, _OCI_STARTPIPE=started, _OCI_ATTACHPIPE=attach)
        os.close(started)
        os.close(attach)
        os.read(attached, 1024)
        connection = self._socket(own)
        os.write(start, b"\0")
        if len(connection.recv(64)) < 2:
            raise SystemExit(f"conmon's exec says nothing but {words.read()}")
        connection.close()
        words.close()
        os.close(start)
        os.close(attached)
        process.wait()

    def end(self) -> None:
        """Remove the jail."""
        self._attached.close()
        subprocess.run(["crun", self._root, "delete", "--force", "echo"], check=False)

    def _conmon(self, bundle: str, *more: str, **pipes: int) -> tuple[subprocess.Popen[bytes], TextIO]:
        read, write = os.pipe()
        pipes["_OCI_SYNCPIPE"] = write
        words = [
            "conmon",
            "--api-version",
            "1",
            "-c",
            "echo",
            "-u",
            "echo",
            "-n",
            "echo",
            "-b",
            bundle,
            "-r",
            shutil.which("crun") or "",
        ]
        words += ["--runtime-arg", self._root, "-l", f"k8s-file:{bundle}/log", "--full-attach"]
        words += ["--exit-dir", f"{self._directory}/exits", *more]
        for fd in pipes.values():
            os.set_inheritable(fd, True)
        names = {name: str(fd) for name, fd in pipes.items()}
        process = subprocess.Popen(words, env=os.environ | names, pass_fds=list(pipes.values()))
        os.close(write)
        return process, open(read, encoding="utf-8")

    @staticmethod
    def _socket(bundle: str) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        connection.connect(f"{bundle}/attach")
        return connection


def _until_seen(connection: socket.socket, text: bytes) -> None:
    seen = b""
    while text not in seen:
        data = connection.recv(4096)
        if not data:
            raise SystemExit("The jail does not begin.")
        seen += data
    time.sleep(0.1)


def measure(contenders: dict[str, Runjd | Conmon], rounds: int) -> dict[str, dict[str, float]]:
    """Return for each contender the medians in ms of a round trip and of an exec."""
    trips: dict[str, list[float]] = {name: [] for name in contenders}
    execs: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            spent = [_timed(contender.trip) for _ in range(50)]
            execs[name].append(_timed(contender.exec))
            trips[name] += spent
            if not number:  # the first round warms up
                trips[name].clear()
                execs[name].clear()
    return {
        name: {
            "trip_ms": statistics.median(trips[name]) * 1e3,
            "trip_p99_ms": statistics.quantiles(trips[name], n=100)[98] * 1e3,
            "exec_ms": statistics.median(execs[name]) * 1e3,
            "exec_p90_ms": statistics.quantiles(execs[name], n=10)[8] * 1e3,
        }
        for name in contenders
    }


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def pss(pid: int) -> int:
    """Return the memory of a process in KiB, its share of what it shares."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(each.split()[1]) for each in file if each.startswith("Pss:"))


def keeper_of(directory: str) -> int:
    """Return the pid of the keeper."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if f"{directory}/state/keeper".encode() in words and not _is_worker(int(name), words):
            return int(name)
    raise SystemExit("There is no keeper.")


def _is_worker(pid: int, words: list[bytes]) -> bool:
    """Whether a process has the command line of its parent."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        parent = file.read().rpartition(")")[2].split()[1]
    with open(f"/proc/{parent}/cmdline", "rb") as file:
        return file.read().split(b"\0") == words


def idle(directory: str, bundle: str, pid: int) -> dict[str, float]:
    """Return in KiB what daemon and keeper have more for each jail that is silent."""
    keeper = keeper_of(directory)

    def run(names: list[str]) -> None:
        connection = connect(directory)
        for name in names:
            connection.sendall(f"run {name} {bundle}\n".encode())
            if not line(connection).startswith("+"):
                raise SystemExit("The daemon does not run the jail.")
        connection.close()
        time.sleep(1.0)

    run([f"warm{number}" for number in range(10)])
    for _ in range(5):
        _have_all_threads(directory)
    before = pss(pid), pss(keeper)
    run([f"idle{number}" for number in range(JAILS)])
    after = pss(pid), pss(keeper)
    control(directory, "delete", "-f", *(f"warm{n}" for n in range(10)), *(f"idle{n}" for n in range(JAILS)))
    daemon_kib, keeper_kib = ((late - early) / JAILS for late, early in zip(after, before, strict=True))
    return {"daemon_KiB": daemon_kib, "keeper_KiB": keeper_kib, "both_KiB": daemon_kib + keeper_kib}


def _have_all_threads(directory: str) -> None:
    """Let the daemon read logs with as many threads as it ever has, so that their memory is not taken for a jail's."""
    connection = connect(directory)
    connection.sendall(b"".join(b"%d log warm0 lines=10\n" % tag for tag in range(1, 61)))
    left = 60
    while left:
        left -= line(connection).startswith("+")
    connection.close()


def stalled(directory: str, bundle: str, root: str, pid: int) -> dict[str, float]:
    """Return in KiB what the daemon has more after a jail wrote 1 GiB to a viewer who does not read, and the rate."""
    control(directory, "run", "-d", "--name", "flood", bundle)
    viewer = connect(directory, "attach flood mode=frame")
    before = pss(pid)
    began = time.perf_counter()
    with open(f"{root}/go", "wb"):  # opens when the program does
        pass
    most = before
    while _is_running(directory, "flood"):
        most = max(most, pss(pid))
        time.sleep(0.05)
    spent = time.perf_counter() - began
    viewer.close()
    control(directory, "delete", "-f", "flood")
    return {"more_KiB": most - before, "MB_per_second": 1073.741824 / spent}


def _is_running(directory: str, jail: str) -> bool:
    connection = connect(directory)
    connection.sendall(f"status {jail}\n".encode())
    answer = line(connection)
    connection.close()
    return "status=running" in answer


def table(results: dict[str, dict[str, float]]) -> str:
    """Return the round trips and execs for people."""
    rows: list[tuple[str, ...]] = [("", "round trip ms", "p99", "exec ms", "p90", "trip ratio", "exec ratio")]
    other = results.get("conmon+crun")
    for name, result in results.items():
        row = [name, *(f"{result[key]:.3f}" for key in ("trip_ms", "trip_p99_ms"))]
        row += [f"{result[key]:.2f}" for key in ("exec_ms", "exec_p90_ms")]
        row += [f"{result[key] / other[key]:.2f}" if other else "-" for key in ("trip_ms", "exec_ms")]
        rows.append(tuple(row))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Measures attach, exec and what idle jails cost.")
    options.add_argument("--rounds", type=int, default=40, help="50 round trips and an exec each (default 40)")
    options.add_argument("--json", metavar="FILE", help="write the results there")
    given = options.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("The benchmark needs root on Linux.")
        return 1
    leave_hybrid_cgroups()
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir="/dev/shm")
    try:
        bundles = Bundles(directory)
        with daemon(directory) as pid:
            quiet, flood = bundles.make("quiet", QUIET), bundles.make("flood", FLOOD)
            memory = idle(directory, quiet, pid)
            contenders: dict[str, Runjd | Conmon] = {"runjd": Runjd(directory, bundles.make("echo", ECHO, True))}
            if shutil.which("crun") and shutil.which("conmon"):
                contenders["conmon+crun"] = Conmon(directory, bundles.make("echo2", ECHO, True))
            results = measure(contenders, given.rounds)
            for contender in contenders.values():
                contender.end()
            flooding = stalled(directory, flood, bundles.root, pid)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(table(results))
    print("an idle jail of 100: {daemon_KiB:.1f} KiB in the daemon, {keeper_KiB:.1f} in the keeper".format(**memory))
    print("a viewer who does not read 1 GiB: {more_KiB:.0f} KiB; {MB_per_second:.0f} MB/s".format(**flooding))
    if given.json:
        found = {"contenders": results, "idle": memory, "stalled": flooding}
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"at": time.time(), "uname": list(os.uname()), "results": found}, file, indent=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
