"""
How long from "run this" to "it has ended", against other ways to do it.

Every contender runs /bin/true of the same bundle (a static busybox, the default
mounts, masks and capabilities, new namespaces), in turn, so that a noisy machine
is noisy for all of them; what counts are the ratios within one run.  Prints a
table, and JSON into the file that ``--json FILE`` names.

    make bench

Needs root on Linux.  crun and conmon are measured where they are installed;
crun 1.8 refuses hybrid cgroups, so all of it happens in a mount namespace where
/sys/fs/cgroup/unified is unmounted.
"""

import argparse
import contextlib
import ctypes
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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from runjd.spec.example import minimal_config  # noqa: E402 # the path comes first

PROGRAMS = os.path.dirname(sys.executable)
ATONCE = 4
Contender = Callable[[str], None]


def runjd(directory: str) -> Contender:
    """Return one RUN through the control socket; each thread has its own connection."""

    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(f"{directory}/control")
        _line(connection)
        return connection

    free = [connect() for _ in range(ATONCE)]

    def start(name: str) -> None:
        connection = free.pop()
        connection.sendall(f"run {name} {directory}/bundle rm=yes wait=stopped\n".encode())
        answer = _line(connection)
        if not answer.startswith("+") or "exit=0" not in answer:
            raise RuntimeError(f"runjd: {answer}")
        free.append(connection)

    return start


def runj(directory: str) -> Contender:
    """Return ``runj run``, which pays for the start of an interpreter."""
    return lambda name: _call(
        f"{PROGRAMS}/runj", "--root", f"{directory}/runj", "run", "-b", f"{directory}/bundle", name
    )


def crun(directory: str) -> Contender:
    """Return ``crun run``."""
    return lambda name: _call("crun", "--root", f"{directory}/crun", "run", "--bundle", f"{directory}/bundle", name)


def conmon(directory: str) -> Contender:
    """Return what podman does: conmon creates by crun, crun starts, conmon tells of the exit, crun deletes."""
    exits = f"{directory}/exits"
    os.makedirs(exits, exist_ok=True)
    root = f"--root={directory}/crun"
    free = [f"{directory}/bundle{number}" for number in range(ATONCE)]
    for each in free:  # conmon puts FIFOs into the bundle
        os.mkdir(each)
        os.symlink("../bundle/config.json", f"{each}/config.json")

    def start(name: str) -> None:
        bundle = free.pop()
        read, write = os.pipe()
        os.set_inheritable(write, True)
        words = ["conmon", "-c", name, "-u", name, "-n", name, "-b", bundle, "-r", shutil.which("crun") or "crun"]
        words += ["--runtime-arg", root, "-p", f"{directory}/{name}.pid", "-l", f"k8s-file:{directory}/{name}.log"]
        words += ["--exit-dir", exits, "--full-attach"]
        started = subprocess.Popen(words, env=os.environ | {"_OCI_SYNCPIPE": str(write)}, pass_fds=[write])
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            made = json.loads(pipe.readline())
        if made.get("data", made.get("pid", -1)) <= 0:
            raise RuntimeError(f"conmon: {made}")
        _call("crun", root, "start", name)
        while not os.path.exists(f"{exits}/{name}"):
            time.sleep(0.0005)
        _call("crun", root, "delete", name)
        started.wait()
        free.append(bundle)

    return start


def unshare(directory: str) -> Contender:
    """Return the floor: namespaces and nothing else."""
    del directory
    return lambda name: _call("unshare", "-muinpf", "true")


def measure(contenders: dict[str, Contender], rounds: int) -> dict[str, dict[str, float]]:
    """Return for each contender the median in ms one at a time, and how many in a second one and four at a time."""
    names = (f"bench{number}" for number in itertools.count())
    times: dict[str, list[float]] = {name: [] for name in contenders}
    together: dict[str, list[float]] = {name: [] for name in contenders}
    for contender in contenders.values():
        contender(next(names))
    for _ in range(rounds):
        for name, contender in contenders.items():
            times[name].append(_timed(partial(contender, next(names))))
    with ThreadPoolExecutor(ATONCE) as pool:
        for _ in range(max(3, rounds // 10)):
            for name, contender in contenders.items():
                ids = [next(names) for _ in range(ATONCE * 4)]
                spent = _timed(lambda: list(pool.map(contender, ids)))  # noqa: B023 # called at once
                together[name].append(len(ids) / spent)
    return {
        name: {
            "median_ms": statistics.median(times[name]) * 1e3,
            "p90_ms": statistics.quantiles(times[name], n=10)[8] * 1e3,
            "per_second": 1 / statistics.median(times[name]),
            "per_second_4": statistics.median(together[name]),
        }
        for name in contenders
    }


def table(results: dict[str, dict[str, float]], against: str) -> str:
    """Return the results for people; ratios are to the contender ``against``."""
    rows: list[tuple[str, ...]] = [("", "median ms", "p90 ms", "ratio", "1/s", f"1/s, {ATONCE} at once")]
    for name, result in results.items():
        ratio = result["median_ms"] / results[against]["median_ms"]
        figures = (result["median_ms"], result["p90_ms"], ratio, result["per_second"], result["per_second_4"])
        digits = (2, 2, 2, 0, 0)
        rows.append((name, *(f"{figure:.{digit}f}" for figure, digit in zip(figures, digits, strict=True))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    ]
    return "\n".join([*lines, f"ratio: to {against}"])


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Measures start to exit of /bin/true.")
    options.add_argument("--rounds", type=int, default=100, help="how often each contender runs (default 100)")
    options.add_argument("--json", metavar="FILE", help="write the results there")
    given = options.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("The benchmark needs root on Linux.")
        return 1
    leave_hybrid_cgroups()
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir="/tmp")
    try:
        _make_bundle(f"{directory}/bundle")
        with daemon(directory):
            contenders = {"runjd": runjd(directory), "runj run": runj(directory), "unshare": unshare(directory)}
            if shutil.which("crun"):
                contenders["crun run"] = crun(directory)
            if shutil.which("crun") and shutil.which("conmon"):
                contenders["conmon+crun"] = conmon(directory)
            results = measure(contenders, given.rounds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(table(results, "crun run" if "crun run" in results else "unshare"))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"at": time.time(), "uname": list(os.uname()), "results": results}, file, indent=2)
    return 0


def _make_bundle(bundle: str) -> None:
    os.makedirs(f"{bundle}/rootfs/bin")
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
    shutil.copy(busybox, f"{bundle}/rootfs/bin/true")
    for name in ("proc", "dev", "sys"):
        os.mkdir(f"{bundle}/rootfs/{name}")
    config = minimal_config(["/bin/true"], root=f"{bundle}/rootfs", readonly=True)
    config["ociVersion"] = "1.0.2"  # crun 1.8 knows no newer one
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def daemon_command(directory: str) -> list[str]:
    """Return the command line of a daemon with all it has in that directory, also a runjd.toml."""
    words = [f"{PROGRAMS}/twistd", "--nodaemon", "--pidfile=", f"--logfile={directory}/daemon.log", "runjd"]
    words += [f"--state={directory}/state", f"--control={directory}/control", f"--log={directory}/log"]
    if os.path.exists(f"{directory}/runjd.toml"):
        words.append(f"--config={directory}/runjd.toml")
    return words


@contextlib.contextmanager
def daemon(directory: str) -> Iterator[int]:
    """Run a daemon with all it has in that directory; yield its pid."""
    process = subprocess.Popen(daemon_command(directory), stdin=subprocess.DEVNULL, cwd="/")
    try:
        deadline = time.monotonic() + 60
        while control(directory, "ping") != 0:
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"The daemon does not start:\n{_tail(directory)}")
            time.sleep(0.05)
        yield process.pid
    finally:
        control(directory, "shutdown", "--stop")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        process.kill()
        process.wait()


def control(directory: str, *words: str) -> int:
    """Call runjctl; return its exit status."""
    command = [f"{PROGRAMS}/runjctl", "--socket", f"{directory}/control", *words]
    return subprocess.run(command, capture_output=True, check=False).returncode


def _tail(directory: str) -> str:
    try:
        with open(f"{directory}/daemon.log", encoding="utf-8") as log:
            return "".join(log.readlines()[-20:])
    except OSError:
        return ""


def leave_hybrid_cgroups() -> None:
    """Go into a mount namespace of our own without the half of the cgroups that crun stumbles over."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec_private, mnt_detach = 0x20000, 0x4000 | 0x40000, 2
    if libc.unshare(clone_newns) != 0 or libc.mount(None, b"/", None, ms_rec_private, None) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace")
    libc.umount2(b"/sys/fs/cgroup/unified", mnt_detach)


def _call(*words: str) -> None:
    subprocess.run(words, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def _line(connection: socket.socket) -> str:
    """Read one line; the daemon sends none that has not been asked for."""
    data = b""
    while not data.endswith(b"\n"):
        chunk = connection.recv(8192)
        if not chunk:
            raise RuntimeError("the daemon closed the connection")
        data += chunk
    return data.decode().splitlines()[-1]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
