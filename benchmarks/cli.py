"""
What a call of an OCI runtime costs, against the others and the bare interpreter.

Engines call a runtime several times for each container, each time in a new process:
so the start of the interpreter, of the shell that finds it and of all that is loaded
is what matters.  Every contender does the same with the same bundle (a static busybox,
the default mounts, masks and capabilities, new namespaces), in turn, so that a noisy
machine is noisy for all of them.  On such a machine trust the CPU time (user and
system, of the process and its children that were waited for), and ratios within one run.

    python -m benchmarks.cli
"""

import contextlib
import itertools
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks import floors, host, peers
from benchmarks.bundles import SLEEP, TRUE, Bundles
from benchmarks.figure import FLOOR, OURS, PEER, Budget, Figure
from benchmarks.measurement import Plan, run
from runjd.values import Value

#: what podman filters system calls with
SECCOMP = "/usr/share/containers/seccomp.json"
_FLOOR = "the bare interpreter"
#: as the profile calls it
_ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(os.uname().machine, os.uname().machine)


class Cost(Value):
    """What a process took: from its start to its end, and of the processors, in ms."""

    wall: float
    cpu: float


#: makes ready, untimed, and returns the command to be timed
Ready = Callable[[], list[str]]


class Runtime:
    """
    An OCI runtime.

    :param words: how it is called.
    :param bundles: the bundles by name: short, long and, where its filter is there, podman.
    """

    def __init__(self, words: list[str], bundles: dict[str, str]) -> None:
        self._words = words
        self._bundles = bundles
        self._names = (f"bench{number}" for number in itertools.count())

    def call(self, *words: str) -> None:
        """Run a command that must succeed."""
        subprocess.run([*self._words, *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def output(self, *words: str) -> str:
        """Return what a command writes that must succeed."""
        command = [*self._words, *words]
        return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True).stdout

    def prepare(self) -> None:
        """Start the container that is looked at, signalled and entered."""
        self.call("create", "--bundle", self._bundles["long"], "lives")
        self.call("start", "lives")

    def fill(self, count: int) -> None:
        """Let there be so many containers for `list` to find."""
        for number in range(count):
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
            "create": lambda: self._command("create", "--bundle", self._bundles["short"], next(self._names)),
            "start": lambda: self._command("start", self._created()),
            "delete": lambda: self._command("delete", self._stopped(next(self._names))),
            "exec": lambda: self._command("exec", "lives", "/bin/true"),
            "run": lambda: self._command("run", "--bundle", self._bundles["short"], next(self._names)),
        }
        if "podman" in self._bundles:
            made["run, as podman"] = lambda: self._command(
                "run", "--bundle", self._bundles["podman"], next(self._names)
            )
        return made

    def listing(self) -> list[str]:
        """Return the command that shows all containers."""
        return self._command("list")

    def _command(self, *words: str) -> list[str]:
        return [*self._words, *words]

    def _created(self) -> str:
        name = next(self._names)
        self.call("create", "--bundle", self._bundles["short"], name)
        return name

    def _stopped(self, name: str) -> str:
        self.call("create", "--bundle", self._bundles["short"], name)
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


def in_turn(actions: dict[str, dict[str, Ready]], rounds: int) -> dict[str, dict[str, list[Cost]]]:
    """Return the costs of all actions, by action and contender, everybody in turn."""
    found: dict[str, dict[str, list[Cost]]] = {each: {} for each in actions}
    for action, contenders in itertools.chain.from_iterable(itertools.repeat(list(actions.items()), rounds)):
        for name, ready in contenders.items():
            found[action].setdefault(name, []).append(once(ready()))
    return found


def figures(
    what: str, found: dict[str, list[Cost]], bare: list[Cost], size: int = 0, budget: Budget | None = None
) -> list[Figure]:
    """Return wall and CPU time of an action, and of the bare interpreter; whoever is ``runj`` is ours."""
    made = []
    for who, costs in [*found.items(), (_FLOOR, bare)]:
        role = FLOOR if who == _FLOOR else OURS if who == "runj" else PEER
        walls, cpus = tuple(each.wall for each in costs), tuple(each.cpu for each in costs)
        made.append(Figure(what, who, "ms", walls, size, role, budget=budget if role == OURS else None))
        made.append(Figure(f"{what}: processor", who, "ms", cpus, size, role))
    return made


def measure(plan: Plan) -> list[Figure]:
    """Return what each call costs, and what `list` costs by the number of containers."""
    host.leave_hybrid_cgroups()
    with host.work_directory("/dev/shm") as directory:
        installed = plan.installed(directory)
        bare = floors.interpreter(installed.python)
        with runtimes(installed.program("runj"), directory, peers_too=True) as contenders:
            actions = {name: each.actions() for name, each in contenders.items()}
            wanted = {action: {name: made[action] for name, made in actions.items()} for action in actions["runj"]}
            costs = in_turn({"bare": {_FLOOR: lambda: bare}} | wanted, plan.rounds)
            floor = costs.pop("bare")[_FLOOR]
            found = []
            for action, by in costs.items():
                found += figures(f"a call: {action}", by, floor, budget=Budget(1.0, "runc"))
            for size in plan.shares(2000, 200, 20):
                for each in contenders.values():
                    each.clean()
                    each.fill(size)
                listed = in_turn({"list": {name: each.listing for name, each in contenders.items()}}, plan.few)
                found += figures("a call: list, by containers", listed["list"], floor, size, Budget(1.0, "runc"))
            return found


@contextlib.contextmanager
def runtimes(runj: str, directory: str, *, peers_too: bool) -> Iterator[dict[str, Runtime]]:
    """Yield runj and the others that are here, each with a container that lives."""
    bundles = Bundles(directory)
    made = {"short": bundles.make("short", TRUE), "long": bundles.make("long", SLEEP)}
    if os.path.exists(SECCOMP):
        made["podman"] = bundles.make("podman", TRUE, linux=_as_podman())
    words = {"runj": [runj]}
    if peers_too:
        words |= {name: [path] for name in ("runc", "crun") if (path := peers.path_of(name))}
    found = {name: Runtime([*each, "--root", f"{directory}/{name}"], made) for name, each in words.items()}
    try:
        for runtime in found.values():
            runtime.prepare()
        yield found
    finally:
        for runtime in found.values():
            runtime.clean()


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


if __name__ == "__main__":
    run(measure, __doc__)
