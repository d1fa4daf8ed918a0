"""
What a call of an OCI runtime costs, against the others and the bare interpreter.

Engines call a runtime several times for each container, each time in a new process:
so the start of the interpreter, of the shell that finds it and of all that is loaded
is what matters.  Every contender does the same with the same bundle (a static busybox,
the default mounts, masks and capabilities, new namespaces), in turn, so that a noisy
machine is noisy for all of them.  On such a machine trust the minima and the CPU time
(user and system, of the process and its children that were waited for), and ratios
within one run.

    make bench

Needs root on Linux.  runc and crun are measured where they are installed; crun 1.8
refuses hybrid cgroups, so all of it happens in a mount namespace where
/sys/fs/cgroup/unified is unmounted.
"""

import argparse
import compileall
import contextlib
import ctypes
import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

from runjd.spec.example import minimal_config  # noqa: E402 # the path comes first

#: what podman filters system calls with
SECCOMP = "/usr/share/containers/seccomp.json"
PROGRAMS = ("true", "sleep")
#: containers that `list` finds
MANY = 100
#: as the profile calls it
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)
_BARE = ("-I", "-S", "-X", "utf8")
#: what a verb has loaded at its end, by its pack and the modules that load the others
LOADED = {
    "state": ("runj", "cli.oci.show", "container.operations", "runtime.choose"),
    "run": (
        "runj-enters",
        "cli.oci.create",
        "container.operations",
        "container.create",
        "container.delete",
        "runtime.linux.runtime",
    ),
}


class Cost(NamedTuple):
    """What a process took: from its start to its end, and of the processors, in ms."""

    wall: float
    cpu: float


#: makes ready, untimed, and returns the command to be timed
Ready = Callable[[], list[str]]


class Contender:
    """
    An OCI runtime.

    :param words: how it is called.
    :param directory: where the bundles are.
    """

    def __init__(self, words: list[str], directory: str) -> None:
        self._words = words
        self._directory = directory
        self._names = (f"bench{number}" for number in itertools.count())

    def call(self, *words: str) -> None:
        """Run a command that must succeed."""
        subprocess.run([*self._words, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def prepare(self) -> None:
        """Start the container that is looked at, signalled and entered."""
        self.call("create", "--bundle", f"{self._directory}/long", "lives")
        self.call("start", "lives")

    def fill(self) -> None:
        """Let there be as many containers as `list` shall find."""
        for number in range(MANY - 1):
            self._stopped(f"stopped{number}")

    def clean(self) -> None:
        """Take away what is left."""
        found = subprocess.run([*self._words, "list", "-q"], capture_output=True, text=True, check=False)
        for name in found.stdout.split():
            subprocess.run([*self._words, "delete", "--force", name], check=False, capture_output=True)

    def actions(self) -> dict[str, Ready]:
        """Return what is measured, by name."""
        made = {
            "--version": lambda: self._command("--version"),
            "state": lambda: self._command("state", "lives"),
            "kill": lambda: self._command("kill", "lives", "CONT"),
            "list (1)": lambda: self._command("list"),
            "create": lambda: self._command("create", "--bundle", f"{self._directory}/short", next(self._names)),
            "start": lambda: self._command("start", self._created()),
            "delete": lambda: self._command("delete", self._stopped(next(self._names))),
            "exec": lambda: self._command("exec", "lives", "/bin/true"),
            "run": lambda: self._command("run", "--bundle", f"{self._directory}/short", next(self._names)),
        }
        if os.path.isdir(f"{self._directory}/podman"):
            made["run, as podman"] = lambda: self._command(
                "run", "--bundle", f"{self._directory}/podman", next(self._names)
            )
        return made

    def listing(self) -> list[str]:
        """Return the command that shows all containers."""
        return self._command("list")

    def _command(self, *words: str) -> list[str]:
        return [*self._words, *words]

    def _created(self) -> str:
        name = next(self._names)
        self.call("create", "--bundle", f"{self._directory}/short", name)
        return name

    def _stopped(self, name: str) -> str:
        self.call("create", "--bundle", f"{self._directory}/short", name)
        self.call("kill", name, "KILL")
        # a moment: one of the contenders does not wait for the end, and another refuses to delete before it
        time.sleep(0.02)
        return name


def once(words: list[str]) -> Cost:
    """
    Run a command.

    :raise RuntimeError: it fails.
    """
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1)]
    began = time.perf_counter()
    pid = os.posix_spawn(words[0], words, {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, file_actions=quiet)
    _, status, used = os.wait4(pid, 0)
    wall = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{' '.join(words)}: status {status}")
    return Cost(wall * 1e3, (used.ru_utime + used.ru_stime) * 1e3)


def measure(actions: dict[str, dict[str, Ready]], rounds: int) -> dict[str, dict[str, list[Cost]]]:
    """Return the costs of all actions, by action and contender, everybody in turn."""
    found: dict[str, dict[str, list[Cost]]] = {each: {} for each in actions}
    for action, contenders in itertools.chain.from_iterable(itertools.repeat(list(actions.items()), rounds)):
        for name, ready in contenders.items():
            found[action].setdefault(name, []).append(once(ready()))
    return found


def summary(costs: list[Cost]) -> dict[str, float]:
    """Return what is shown of many costs."""
    walls, cpus = [each.wall for each in costs], [each.cpu for each in costs]
    return {
        "min_ms": min(walls),
        "median_ms": statistics.median(walls),
        "cpu_min_ms": min(cpus),
        "cpu_median_ms": statistics.median(cpus),
    }


def table(results: dict[str, dict[str, dict[str, float]]], bare: float) -> str:
    """
    Return the results for people.

    :param bare: the least CPU time of the interpreter, in ms.
    """
    rows: list[tuple[str, ...]] = [
        ("", "", "min ms", "median ms", "CPU min", "CPU median", "to runc", "CPU to runc", "CPU to bare")
    ]
    for action, contenders in results.items():
        runc = contenders.get("runc")
        for name, result in contenders.items():
            shown = [f"{result[key]:.2f}" for key in ("min_ms", "median_ms", "cpu_min_ms", "cpu_median_ms")]
            ratios = [f"{result[key] / runc[key]:.2f}" if runc else "" for key in ("min_ms", "cpu_min_ms")]
            rows.append((action, name, *shown, *ratios, f"{result['cpu_min_ms'] / bare:.2f}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [*map(str.ljust, row[:2], widths[:2]), *map(str.rjust, row[2:], widths[2:])]
        lines.append("  ".join(cells).rstrip())
    return "\n".join([*lines, "ratios: of the minima; bare: the interpreter that does nothing"])


def phases(prefix: str) -> dict[str, dict[str, Ready]]:
    """Return programs that do a part of what runj does, each the part before it as well."""
    python = f"{prefix}/bin/python3"
    packages = sysconfig.get_path("purelib", "venv", {"base": prefix})
    ours = (
        f"import gc, sys; gc.disable(); sys.path.append({packages!r}); from runjd import bytecode; bytecode.install(); "
    )
    os_too = "from runjd.light_os import lighten_os; lighten_os(); "
    seal = "from runjd.runtime.sealed import seal; seal(); "
    end = "import posix; posix._exit(0)"
    programs = {"interpreter": end, "interpreter, os": ours + os_too + end, "sealed": ours + os_too + seal + end}
    for verb, (pack, *modules) in LOADED.items():
        take = f"bytecode.installed().take({pack!r}); "
        loads = "".join(f"from runjd.{each} import __name__; " for each in ("cli.runj", "cli.oci.table", *modules))
        programs[f"interpreter, os, modules of {verb}"] = ours + os_too + take + loads + end
    programs["sealed, modules of run"] = programs["interpreter, os, modules of run"].replace(end, seal + end)
    made = {"shell": ["/bin/sh", "-c", ":"]}
    made |= {name: [python, *_BARE, "-c", program] for name, program in programs.items()}
    return {name: {"": lambda words=words: words} for name, words in made.items()}  # type: ignore[misc]


def main() -> int:
    """Measure and print."""
    options = argparse.ArgumentParser(description="Measures the calls of OCI runtimes.")
    options.add_argument("--rounds", type=int, default=30, help="how often each call is made (default 30)")
    options.add_argument("--json", metavar="FILE", help="write the results there")
    options.add_argument("--where", action="store_true", help="show where the time of runj goes, and nothing else")
    given = options.parse_args()
    if os.geteuid() != 0 or sys.platform != "linux":
        print("The benchmark needs root on Linux.")
        return 1
    _leave_hybrid_cgroups()
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir="/tmp")
    try:
        install(f"{directory}/prefix", "runj")
        for name, program in (("short", ["/bin/true"]), ("long", ["/bin/sleep", "100000"])):
            _make_bundle(f"{directory}/{name}", program, f"{directory}/rootfs")
        if os.path.exists(SECCOMP):
            _make_bundle(f"{directory}/podman", ["/bin/true"], f"{directory}/rootfs", _as_podman())
        results = _measure(directory, given.rounds, given.where)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    bare = results["interpreter" if given.where else "bare"]
    print(table(results, next(iter(bare.values()))["cpu_min_ms"]))
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"at": time.time(), "uname": list(os.uname()), "python": sys.version, "results": results}, file)
    return 0


def _measure(directory: str, rounds: int, where: bool) -> dict[str, dict[str, dict[str, float]]]:
    with _contenders(directory, () if where else ("runc", "crun")) as contenders:
        actions = {name: each.actions() for name, each in contenders.items()}
        if where:
            wanted = phases(f"{directory}/prefix")
            wanted |= {f"runj {verb}": {"": actions["runj"][verb]} for verb in ("state", "kill", "delete", "run")}
            found = measure(wanted, rounds)
        else:
            python = [f"{directory}/prefix/bin/python3", *_BARE, "-c", "pass"]
            wanted = {"bare": {"python": lambda: python, "sh": lambda: ["/bin/sh", "-c", ":"]}}
            for action in actions["runj"]:
                wanted[action] = {name: made[action] for name, made in actions.items()}
            found = measure(wanted, rounds)
            for contender in contenders.values():
                contender.clean()
                contender.fill()
            found |= measure({f"list ({MANY})": {n: each.listing for n, each in contenders.items()}}, rounds)
    return {action: {name: summary(costs) for name, costs in made.items()} for action, made in found.items()}


@contextlib.contextmanager
def _contenders(directory: str, others: tuple[str, ...]) -> Iterator[dict[str, Contender]]:
    words = {"runj": [f"{directory}/prefix/bin/runj"]}
    words |= {name: [path] for name in others if (path := shutil.which(name))}
    made = {name: Contender([*each, "--root", f"{directory}/{name}"], directory) for name, each in words.items()}
    try:
        for contender in made.values():
            contender.prepare()
        yield made
    finally:
        for contender in made.values():
            contender.clean()


def install(prefix: str, *programs: str) -> None:
    """Install as pip does, without it: the package, compiled, and scripts."""
    venv.create(prefix, symlinks=True)
    packages = sysconfig.get_path("purelib", "venv", {"base": prefix})
    shutil.copytree(f"{CHECKOUT}/runjd", f"{packages}/runjd", ignore=shutil.ignore_patterns("__pycache__"))
    for name in programs:
        shutil.copy(f"{CHECKOUT}/bin/{name}", f"{prefix}/bin/{name}")
    compileall.compile_dir(f"{packages}/runjd", quiet=1)


def _make_bundle(bundle: str, program: list[str], root: str, more: dict[str, Any] | None = None) -> None:
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("The benchmark needs a static busybox, of the package busybox-static.")
    os.makedirs(bundle)
    for name in ("bin", "proc", "dev", "sys"):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    for name in PROGRAMS:
        shutil.copy(busybox, f"{root}/bin/{name}")
    config: dict[str, Any] = minimal_config(program, root=root, readonly=True)
    config["ociVersion"] = "1.0.2"  # crun 1.8 knows no newer one
    config["linux"] |= more or {}
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)


def _as_podman() -> dict[str, Any]:
    """Return what podman adds to `linux`: a control group with a limit, and its filter of system calls."""
    with open(SECCOMP, encoding="utf-8") as file:
        profile = json.load(file)
    rules = [
        {key: each[key] for key in ("names", "action", "args", "errnoRet") if each.get(key)}
        for each in profile["syscalls"]
        if each.get("names") and _ARCHITECTURE in each.get("includes", {}).get("arches", [_ARCHITECTURE])
        if not {"caps", "minKernel"} & each.get("includes", {}).keys()
    ]
    seccomp = {"defaultAction": profile["defaultAction"], "syscalls": rules}
    if "defaultErrnoRet" in profile:
        seccomp["defaultErrnoRet"] = profile["defaultErrnoRet"]
    return {"seccomp": seccomp, "cgroupsPath": f"/runjd-bench-{os.getpid()}", "resources": {"pids": {"limit": 2048}}}


def _leave_hybrid_cgroups() -> None:
    """Go into a mount namespace of our own without the half of the cgroups that crun stumbles over."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec_private, mnt_detach = 0x20000, 0x4000 | 0x40000, 2
    if libc.unshare(clone_newns) != 0 or libc.mount(None, b"/", None, ms_rec_private, None) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace")
    libc.umount2(b"/sys/fs/cgroup/unified", mnt_detach)


if __name__ == "__main__":
    sys.exit(main())
