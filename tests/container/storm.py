"""
Storms: every operation at once on one container, and SIGKILL for whoever operates, at any moment.

Each round ends with `delete --force`, after which nothing may be left: no record,
no process, no mount, no file in the root, no hook without its poststop.  A storm
is repeated by its seed.  The long form runs as `make soak`, or

    python -m tests.container.storm SECONDS [RUNTIME [SEED]]
"""

from __future__ import annotations

import glob
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable

from runjd.container.stdio import Fifos
from runjd.errors import NoSuchJail, RunjdError, WrongState
from runjd.kernel.reaper import become_reaper
from runjd.spec.model import Process
from tests.container.hooked import Hooked
from tests.container.jails import Jails
from tests.functional.runj.command import Runj

#: seconds; what takes longer waits for somebody who waits for it
PATIENCE = 20.0

#: seconds that a crowd may need
_GRACE = 3.0
_ENDED = os.WEXITED | os.WNOHANG | os.WNOWAIT
_CALLERS = 6
_CALLS = 6
_SHORT = Process(args=("sleep", "0.02"), env=("PATH=/bin:/usr/bin",))

#: what a container may be after the one who did this to it was killed
_AFTER = {
    "create": {"none", "unrecorded", "creating", "created", "stopped"},
    "run": {"none", "unrecorded", "creating", "running", "stopped"},
    "start": {"created", "running", "stopped"},
    "exec": {"running"},
    "delete": {"none", "unrecorded", "created", "stopped"},
    "delete --force": {"none", "unrecorded", "created", "running", "stopped"},
}


class Storm:
    """
    The rounds of one storm; for a process that is the reaper of all it makes.

    :param jails: where the containers are.
    """

    def __init__(self, jails: Jails, seed: int) -> None:
        self._jails = jails
        self._random = random.Random(seed)
        self._hooked = Hooked(jails)
        self._group = f"/runj-storm-{os.getpid()}"
        self._bundle = self._make_bundle()
        self._took: dict[str, float] = {}
        self._verbs: dict[str, Callable[[], object]] = {
            "create": lambda: self._create(start=False),
            "run": lambda: self._create(start=True),
            "start": lambda: jails.operations.start("web"),
            "state": lambda: jails.operations.state("web"),
            "list": jails.operations.list,
            "kill": lambda: jails.operations.kill("web", signal.SIGKILL),
            "signal": lambda: jails.operations.kill("web", signal.SIGWINCH, everyone=True),
            "pause": lambda: jails.operations.pause("web"),
            "resume": lambda: jails.operations.resume("web"),
            "exec": self._exec,
            "delete": lambda: jails.operations.delete("web"),
            "delete --force": lambda: jails.operations.delete("web", force=True),
        }
        self._before: set[str] = self._host()

    def crowd(self) -> None:
        """Let several callers do several things each, all at the same time."""
        callers = [self._fork(self._call_often, self._random.getrandbits(32)) for _ in range(_CALLERS)]
        end = time.monotonic() + _GRACE
        waiting = [*callers]
        while waiting and time.monotonic() < end:
            waiting = [each for each in waiting if os.waitid(os.P_PID, each, _ENDED) is None]
            time.sleep(0.005)
        if waiting:
            # for programs of a container that is paused, and that nobody will resume
            self._wait(self._fork(self._verbs["delete --force"]))
        for each in callers:
            self._wait(each)
        self._clear("a crowd")

    def strike(self) -> None:
        """Kill one who operates, at a random moment; look at what is left, and clear it."""
        verb = self._random.choice([*_AFTER])
        # the command itself now and then, with all that it does before
        call = self._verbs[verb] if self._random.random() < 0.7 else lambda: self._execute(verb)
        way = f"{'' if call is self._verbs[verb] else 'runj '}{verb}"
        self._prepare(verb)
        if way not in self._took:
            began = time.monotonic()
            self._wait(self._fork(call))
            self._took[way] = time.monotonic() - began
            self._clear(way)
            self._prepare(verb)
        delay = self._random.uniform(0, self._took[way] * 1.2)
        victim = self._fork(call)
        time.sleep(delay)
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        moment = f"{way}, killed after {delay * 1000:.1f} ms"
        status = self._status()
        assert status in _AFTER[verb], f"{moment}: the container is {status}"
        if status == "created" and self._random.random() < 0.5:
            self._start(moment)
        self._clear(moment)

    def _start(self, moment: str) -> None:
        try:
            self._jails.operations.start("web")
        except WrongState:
            # its creator was killed right before he let it wait, or its starter right behind his order
            assert self._status() in ("stopped", "running"), moment
        else:
            assert self._status() == "running", moment

    def _execute(self, verb: str) -> None:
        words = {
            "create": ("create", "--bundle", self._bundle, "web"),
            "run": ("run", "--detach", "--bundle", self._bundle, "web"),
            "start": ("start", "web"),
            "exec": ("exec", "web", *_SHORT.args),
            "delete": ("delete", "web"),
            "delete --force": ("delete", "--force", "web"),
        }[verb]
        nothing = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(nothing, fd)
        argv = Runj(self._jails).argv(*words)
        os.execv(argv[0], argv)

    def _prepare(self, verb: str) -> None:
        """Bring the container into a status in which the verb makes sense."""
        if verb in ("start", "delete"):
            self._create(start=False)
        elif verb in ("exec", "delete --force"):
            self._create(start=True)

    def _make_bundle(self) -> str:
        hooks = {phase: [self._hooked.hook(phase)] for phase in ("prestart", "createContainer", "poststop")}
        options: dict[str, object] = {}
        if self._jails.runtime == "linux":
            options["mounts"] = [
                {"destination": f"/made/{name}", "type": "tmpfs", "source": "tmpfs"} for name in ("a", "b/c", "d")
            ]
            options["linux"] = {"cgroupsPath": f"{self._group}/web", "resources": {"pids": {"limit": 100}}}
        return self._hooked.bundle(["sleep", "60"], hooks, **options)  # type: ignore[arg-type]

    def _create(self, *, start: bool) -> None:
        io = Fifos("init", stdin=False)
        try:
            self._jails.operations.create("web", self._bundle, io, runtime=self._jails.runtime, start=start)
        finally:
            io.close()

    def _exec(self) -> None:
        name = f"x{os.getpid()}.{time.monotonic_ns()}"
        io = Fifos(name, stdin=False)
        try:
            os.waitpid(self._jails.operations.exec("web", _SHORT, io, name).pid, 0)
        finally:
            io.close()

    def _call_often(self, seed: int) -> None:
        chosen = random.Random(seed)
        for _ in range(_CALLS):
            verb = chosen.choice([*self._verbs])
            began = time.monotonic()
            try:
                self._verbs[verb]()
            except RunjdError as error:
                if error.code == "INTERNAL":
                    raise
            assert time.monotonic() - began < PATIENCE, f"{verb} took longer than {PATIENCE} s"

    def _fork(self, call: Callable[..., object], *words: object) -> int:
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                call(*words)
                status = 0
            except BaseException:
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)
        return pid

    def _wait(self, pid: int) -> None:
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == 0, f"a caller ended with {status}"

    def _status(self) -> str:
        try:
            return self._jails.operations.state("web").status
        except NoSuchJail as error:
            return "unrecorded" if "was interrupted" in str(error) else "none"

    def _clear(self, after: str) -> None:
        """Delete by force, and see that nothing is left."""
        deleter = self._fork(self._verbs["delete --force"])
        # meanwhile we reap, as whoever is the reaper does: a pid namespace ends when all in it are reaped
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            assert pid != deleter or status == 0, f"{after}: delete --force fails"
            if pid == 0:
                time.sleep(0.001)
        else:
            raise AssertionError(f"{after}: processes are left: {_children()}")
        changed = self._host() ^ self._before
        assert not changed, f"{after}: changed on the host: {changed}"
        phases = self._hooked.phases()
        assert "prestart" not in phases or "poststop" in phases, f"{after}: only {phases} were run"
        if phases:
            os.unlink(f"{self._hooked.directory}/lines")

    def _host(self) -> set[str]:
        """Return the mounts, the files of bundle and records, the control groups, and our descriptors."""
        with open("/proc/self/mountinfo") as file:
            found = {line for line in file if self._jails.directory in line}
        for top in (self._bundle, f"{self._jails.state_dir}/web"):
            found |= {f"{where}/{name}" for where, below, files in os.walk(top) for name in (*below, *files)}
        found |= set(glob.glob(f"/sys/fs/cgroup{self._group}*") + glob.glob(f"/sys/fs/cgroup/*{self._group}*"))
        return found | {f"descriptor {fd}" for fd in os.listdir("/proc/self/fd")}


def rage(directory: str, runtime: str, seed: int, seconds: float, rounds: int = 0) -> str:
    """
    Storm in a process of its own; return what went wrong, empty for nothing.

    :param seconds: at most so long.
    :param rounds: at most so many; 0 for no limit.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become_reaper()
            storm = Storm(Jails(directory, runtime), seed)
            end = time.monotonic() + seconds
            done = 0
            while time.monotonic() < end and not (rounds and done >= rounds):
                storm.strike()
                if done % 3 == 0:
                    storm.crowd()
                done += 1
            os.write(1, f"{runtime}, seed {seed}: {done} rounds\n".encode())
        except BaseException:
            os.write(writing, f"seed {seed}: {traceback.format_exc()}".encode()[-60_000:])
        finally:
            for each in _children():
                os.kill(each, signal.SIGKILL)
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as file:
        told = file.read().decode()
    os.waitpid(pid, 0)
    return told


def _children() -> list[int]:
    with open(f"/proc/self/task/{os.getpid()}/children") as file:
        return [int(each) for each in file.read().split()]


def main(words: list[str]) -> int:
    """Storm for as long as is said, by default with namespaces."""
    seconds = float(words[0])
    runtime = words[1] if len(words) > 1 else "linux"
    seed = int(words[2]) if len(words) > 2 else random.SystemRandom().getrandbits(32)
    with tempfile.TemporaryDirectory(prefix="runjd-storm-", dir="/tmp") as directory:
        told = rage(directory, runtime, seed, seconds)
    sys.stderr.write(told)
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
