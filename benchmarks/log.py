"""
How fast the output of one jail becomes a log, against conmon and against bare loops in Python.

Every contender gets the same lines of 100 bytes from the same program (a static busybox's cat, in the same
root), in turn, so that a noisy machine is noisy for all of them; what counts are the ratios within one run.  The
clock runs from the moment at which the program may write until all of it is in the file, and the CPU is that of
whoever logs: not of the program, not of the kernel's writing back.  Files lie on a tmpfs.

    make bench

Then a jail writes without end, and fifty others a little: how late are they?

Needs root on Linux.  conmon is measured where it and crun are installed.
"""

import argparse
import calendar
import itertools
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from start import control, daemon, leave_hybrid_cgroups  # noqa: E402 # the path comes first

from runjd.logs.names import rotated  # noqa: E402
from runjd.spec.example import minimal_config, plain_config  # noqa: E402

LINE = b"x" * 99 + b"\n"
#: what a bare loop writes before each line
HEAD = b"2026-11-23T15:01:20.102113000Z stdout F "
FORMS = ("raw", "ts", "json", "cri")
#: jails that write ten lines a second while another one floods
CALM = 50
_CALM = "import time\nwhile True:\n    print(f'{time.time():.6f}', flush=True)\n    time.sleep(0.1)\n"
_BOX = "/bin/busybox"
#: what the program does: wait for the word, write, and stay
_ONCE = f"{_BOX} cat /go; {_BOX} cat /data; exec {_BOX} sleep 1000"
_EVER = f"while :; do {_BOX} cat /data; done"
_NAP = 0.0005
_FLOOD_SIZE = 64 << 20
_LOOP = """
import os, sys
size, head, log = int(sys.argv[1]), sys.argv[2].encode(), os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
while chunk := os.read(0, size):
    if head:
        os.writev(log, [head, memoryview(chunk.replace(b"\\n", b"\\n" + head))[:-len(head)]])
    else:
        os.writev(log, [chunk])
"""


class Run:
    """
    One program that is about to write.

    :param pid: of whoever logs.
    :param log: the file.
    :param end: ends the program and whoever logs.
    """

    def __init__(self, pid: int, log: str, end: Callable[[], None]) -> None:
        self.pid = pid
        self.log = log
        self.end = end


Contender = Callable[[str], Run]


def loop(bundle: str, directory: str, size: int, head: bytes) -> Contender:
    """Return a bare loop in Python; it is given the program's output, without a jail."""
    root = f"{bundle}/rootfs"

    def start(name: str) -> Run:
        log = f"{directory}/{name}.log"
        words = ["chroot", root, "/bin/busybox", "sh", "-c", _ONCE]
        program = subprocess.Popen(words, stdout=subprocess.PIPE, start_new_session=True)
        command = [sys.executable, "-I", "-S", "-c", _LOOP, str(size), head.decode(), log]
        reader = subprocess.Popen(command, stdin=program.stdout)

        def end() -> None:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            if program.stdout is not None:
                program.stdout.close()
            reader.kill()
            reader.wait()

        return Run(reader.pid, log, end)

    return start


def runjd(directory: str, pid: int, form: str) -> Contender:
    """Return the daemon, with the jail whose log has that form."""

    def start(name: str) -> Run:
        del name
        _control(directory, "start", form)
        return Run(pid, f"{directory}/log/{form}.log", lambda: _control(directory, "stop", "--timeout", "0", form))

    return start


def _control(directory: str, *words: str) -> None:
    if control(directory, *words) != 0:
        raise SystemExit(f"runjctl {' '.join(words)} fails.")


def fairness(directory: str, seconds: float) -> dict[str, float]:
    """
    Return what a jail that floods does to others.

    Fifty write ten lines a second, each with its time; the time of the record tells when the daemon had it.  One of
    them is watched until its lines are in its file.  The control socket is asked a hundred times a second.  How late
    we wake up ourselves tells how busy the machine is: less than that nobody can be.
    """
    calm = [f"calm{number}" for number in range(CALM)]
    _control(directory, "start", *calm, "flood")
    watched = f"{directory}/log/{calm[0]}.log"
    _until(lambda: os.path.exists(f"{directory}/log/flood.log") and os.path.exists(watched))
    arrived: list[float] = []
    answers: list[float] = []
    late: list[float] = []
    rest = b""
    before, began, asked = _rotations(directory), time.time(), 0.0
    with open(watched, "rb") as log, socket.socket(socket.AF_UNIX) as connection:
        log.seek(os.path.getsize(watched))
        connection.connect(f"{directory}/control")
        connection.recv(8192)
        while time.time() - began < seconds:
            rest += log.read()
            *lines, rest = rest.split(b"\n")
            arrived += [time.time() - float(each.split(b" ")[3]) for each in lines]
            if time.monotonic() - asked > 0.01:
                asked = time.monotonic()
                connection.sendall(b"ping\n")
                connection.recv(8192)
                answers.append(time.monotonic() - asked)
            slept = time.monotonic()
            time.sleep(_NAP)
            late.append(time.monotonic() - slept - _NAP)
    rate = (_rotations(directory) - before) * _FLOOD_SIZE / (time.time() - began) / 1e6
    _control(directory, "stop", "--timeout", "0", *calm, "flood")
    taken = [delay for name in calm for delay in _delays(f"{directory}/log/{name}.log", began)]
    return {
        "the flood, MB/s of log": rate,
        **_quantiles("others, ms until the daemon has a line", taken),
        **_quantiles("one of them, ms until it is in its file", arrived),
        **_quantiles("control socket, ms until it answers", answers),
        **_quantiles("this program, ms that it wakes up late", late),
    }


def _rotations(directory: str) -> int:
    return max((each.number for each in rotated(f"{directory}/log/flood.log")), default=0)


def _delays(log: str, since: float) -> list[float]:
    """Return the seconds between a line and the time of its record, of all lines since then."""
    found = []
    with open(log, "rb") as file:
        for record in file:
            at, _, _, text = record.split(b" ")
            if float(text) >= since:
                seconds = calendar.timegm(time.strptime(at[:19].decode(), "%Y-%m-%dT%H:%M:%S"))
                found.append(seconds + float(at[19:29]) - float(text))
    return found


def _quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    """Return median and 99th percentile in ms."""
    cuts = statistics.quantiles(seconds, n=100)
    return {f"{name}: median": cuts[49] * 1e3, f"{name}: p99": cuts[98] * 1e3}


def conmon(bundle: str, directory: str) -> Contender:
    """Return conmon with crun, as podman calls it."""
    os.makedirs(f"{directory}/exits")
    # In a group of its own the program would get another share of the processor than those of the others.
    crun = [f"--root={directory}/crun", "--cgroup-manager=disabled"]

    def start(name: str) -> Run:
        log, pid_file = f"{directory}/{name}.log", f"{directory}/{name}.conmon"
        own = f"{directory}/{name}"  # conmon puts FIFOs into the bundle
        os.mkdir(own)
        os.symlink(f"{bundle}/config.json", f"{own}/config.json")
        read, write = os.pipe()
        os.set_inheritable(write, True)
        words = ["conmon", "-c", name, "-u", name, "-n", name, "-b", own, "-r", shutil.which("crun") or "crun"]
        words += [word for option in crun for word in ("--runtime-arg", option)]
        words += ["-p", f"{directory}/{name}.pid", "-P", pid_file, "-l", f"k8s-file:{log}"]
        words += ["--exit-dir", f"{directory}/exits", "--full-attach"]
        subprocess.run(words, env=os.environ | {"_OCI_SYNCPIPE": str(write)}, pass_fds=[write], check=True)
        os.close(write)
        with open(read, encoding="utf-8") as pipe:
            made = json.loads(pipe.readline())
            if made.get("data", made.get("pid", -1)) <= 0:
                raise SystemExit("conmon does not create the container.")
        subprocess.run(["crun", *crun, "start", name], check=True)
        with open(pid_file, encoding="utf-8") as file:
            pid = int(file.read())

        def end() -> None:
            subprocess.run(["crun", *crun, "kill", name, "KILL"], check=True)
            _until(lambda: os.path.exists(f"{directory}/exits/{name}"))
            subprocess.run(["crun", *crun, "delete", name], check=True)

        return Run(pid, log, end)

    return start


def measure(contenders: dict[str, Contender], bundle: str, size: int, rounds: int) -> dict[str, dict[str, float]]:
    """Return for each contender the medians of MB a second and of CPU seconds for each GiB."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    costs: dict[str, list[float]] = {name: [] for name in contenders}
    numbers = itertools.count()
    for number in range(rounds + 1):
        for name, contender in contenders.items():
            run = contender(f"bench{next(numbers)}")
            try:
                spent, cpu = _timed(run, f"{bundle}/rootfs", size)
            finally:
                run.end()
                os.unlink(run.log)
            if number:  # the first round warms up
                rates[name].append(size / spent / 1e6)
                costs[name].append(cpu * (1 << 30) / size)
    return {
        name: {"MB_per_second": statistics.median(rates[name]), "cpu_per_GiB": statistics.median(costs[name])}
        for name in contenders
    }


def _timed(run: Run, root: str, size: int) -> tuple[float, float]:
    """Let the program write; return the seconds until all is in the file, and those of CPU."""
    before = cpu_of(run.pid)
    began = time.perf_counter()
    with open(f"{root}/go", "wb"):  # opens when the program does
        pass
    lines = size // len(LINE)
    _until(lambda: os.path.exists(run.log) and os.path.getsize(run.log) >= size)
    final = -1
    while os.path.getsize(run.log) not in (size, final) or _is_growing(run.log, size, lines):
        final = os.path.getsize(run.log)
        time.sleep(0.001)
    return time.perf_counter() - began, cpu_of(run.pid) - before


def _is_growing(log: str, size: int, lines: int) -> bool:
    """Return whether a part is missing: each line has the same head, but only the file says how long it is."""
    with open(log, "rb") as file:
        record = len(file.readline())
    return os.path.getsize(log) < record * lines


def cpu_of(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, to the nanosecond."""
    spent = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as file:
            spent += int(file.read().split()[0])
    return spent / 1e9


def table(results: dict[str, dict[str, float]]) -> str:
    """Return the results for people; ratios are to conmon and to the best bare loop of the same form."""
    rows: list[tuple[str, ...]] = [("", "MB/s", "CPU s/GiB", "rate to conmon", "CPU to conmon", "rate to bare loop")]
    for name, result in results.items():
        other = results.get("conmon k8s-file")
        form = name.split()[-1]
        bare = max(
            (each["MB_per_second"] for key, each in results.items() if key.endswith(form) and "loop" in key), default=0
        )
        row = [name, f"{result['MB_per_second']:.0f}", f"{result['cpu_per_GiB']:.2f}"]
        row += [_ratio(result[key], other[key] if other else 0) for key in ("MB_per_second", "cpu_per_GiB")]
        rows.append((*row, _ratio(result["MB_per_second"], bare)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))])
        for row in rows
    )


def _ratio(value: float, other: float) -> str:
    return f"{value / other:.2f}" if other else "-"


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Measures how fast output becomes a log.")
    options.add_argument("--rounds", type=int, default=7, help="how often each contender runs (default 7)")
    options.add_argument("--lines", type=int, default=4_000_000, help="of 100 bytes, each time (default 4 million)")
    options.add_argument("--seconds", type=float, default=20, help="how long a jail floods beside others (default 20)")
    options.add_argument("--json", metavar="FILE", help="write the results there")
    given = options.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("The benchmark needs root on Linux.")
        return 1
    leave_hybrid_cgroups()
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir="/dev/shm")
    bundle = f"{directory}/bundle"
    try:
        _make_root(f"{bundle}/rootfs", given.lines)
        _describe_jails(directory, bundle)
        with daemon(directory) as pid:
            contenders = {
                "bare loop, 64 KiB, raw": loop(bundle, directory, 65_536, b""),
                "bare loop, 128 KiB, raw": loop(bundle, directory, 131_072, b""),
                "bare loop, 64 KiB, cri": loop(bundle, directory, 65_536, HEAD),
                "bare loop, 128 KiB, cri": loop(bundle, directory, 131_072, HEAD),
                **{f"runjd, {form}": runjd(directory, pid, form) for form in FORMS},
            }
            if shutil.which("crun") and shutil.which("conmon"):
                contenders["conmon k8s-file"] = conmon(bundle, directory)
            results = measure(contenders, bundle, given.lines * len(LINE), given.rounds)
            others = fairness(directory, given.seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print(table(results))
    for name, figure in others.items():
        print(f"{name}: {figure:.2f}")
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump(
                {"at": time.time(), "uname": list(os.uname()), "results": results, "others": others}, file, indent=2
            )
    return 0


def _make_root(root: str, lines: int) -> None:
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(f"{root}/{name}")
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
    shutil.copy(busybox, f"{root}{_BOX}")
    os.mkfifo(f"{root}/go")
    with open(f"{root}/data", "wb") as file:
        for _ in range(lines // 10_000):
            file.write(LINE * 10_000)
        file.write(LINE * (lines % 10_000))


def _describe_jails(directory: str, bundle: str) -> None:
    """Write runjd.toml: a jail for each form, one that floods, and the calm ones, which are not isolated."""
    shell = [_BOX, "sh", "-c"]
    _write_bundle(bundle, minimal_config([*shell, _ONCE], root=f"{bundle}/rootfs", readonly=True))
    _write_bundle(f"{directory}/ever", minimal_config([*shell, _EVER], root=f"{bundle}/rootfs", readonly=True))
    _write_bundle(f"{directory}/calm", plain_config([sys.executable, "-I", "-S", "-c", _CALM]))
    jails = {form: f'bundle = "{bundle}"\nlog = {{ format = "{form}", max-size = 0 }}' for form in FORMS}
    jails["flood"] = f'bundle = "{directory}/ever"\nlog = {{ max-size = {_FLOOD_SIZE}, keep = 1 }}'
    for number in range(CALM):
        jails[f"calm{number}"] = f'bundle = "{directory}/calm"\nruntime = "plain"'
    with open(f"{directory}/runjd.toml", "w", encoding="utf-8") as file:
        for name, text in jails.items():
            file.write(f'[jail.{name}]\n{text}\nautostart = false\nrestart = "never"\n')


def _write_bundle(bundle: str, config: dict[str, object]) -> None:
    os.makedirs(f"{bundle}/rootfs", exist_ok=True)
    config["ociVersion"] = "1.0.2"  # crun 1.8 knows no newer one
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not is_so():
        if time.monotonic() > deadline:
            raise SystemExit("The benchmark hangs.")
        time.sleep(0.0005)


if __name__ == "__main__":
    sys.exit(main())
