"""
CVE-2016-9962: who enters a jail is looked into from inside.

The attacker spins inside and tries everything on each new pid, as root with
CAP_SYS_PTRACE, against which being not dumpable is no defence: so there must be
nothing to find, at any moment.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress

import pytest

from runjd.container.execute import execute
from runjd.container.passing import NOTHING
from runjd.container.stdio import Fifos
from runjd.container.store import Store
from runjd.errors import RunjdError
from runjd.keeper import messages
from runjd.runtime.linux.runtime import LinuxRuntime
from runjd.spec.model import Process
from tests.keeper.daemon import Failed
from tests.keeper.running import RunningKeeper, process_of
from tests.security.hostile import DEFAULT_CAPABILITIES, Hostile

pytestmark = pytest.mark.root

SPIN = """
seen = {"pids": 0, "caps": [], "cmdline": [], "environ": [], "exe": [], "fd": [], "root": [], "cwd": [], "mounts": 0}
own = {int(each) for each in os.listdir("/proc") if each.isdigit()}
O_PATH = os.O_PATH
def text(path):
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(65536).decode("utf-8", "replace")
    except OSError:
        return ""
def note(key, value):
    if value and value not in seen[key] and len(seen[key]) < 50:
        seen[key].append(value)
def look(pid):
    for line in text(f"/proc/{pid}/status").splitlines():
        if line.startswith(("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")):
            note("caps", line)
    note("cmdline", text(f"/proc/{pid}/cmdline").replace(chr(0), " ").strip())
    note("environ", text(f"/proc/{pid}/environ").strip(chr(0)))
    try:
        note("exe", os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        pass
    for link in ("root", "cwd"):
        try:
            fd = os.open(f"/proc/{pid}/{link}", O_PATH)
        except OSError:
            continue
        here = os.fstat(fd)
        if (here.st_dev, here.st_ino) != JAIL:
            note(link, [here.st_dev, here.st_ino])
        os.close(fd)
    try:
        for fd in os.listdir(f"/proc/{pid}/fd"):
            note("fd", [fd, os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0]])
    except OSError:
        pass
    if text(f"/proc/{pid}/mountinfo") not in ("", MOUNTS):
        seen["mounts"] += 1
JAIL = (os.stat("/").st_dev, os.stat("/").st_ino)
MOUNTS = text("/proc/self/mountinfo")
open("/told/spins", "w").close()
# Pids are given in turn, so the next ones are known: no directory has to be read.
while not os.path.exists("/told/stop"):
    last = int(text("/proc/loadavg").split()[4])
    for pid in range(max(2, last - 1), last + 2):
        if pid not in own and os.path.exists(f"/proc/{pid}"):
            seen["pids"] += 1
            look(pid)
tell(seen)
"""


@pytest.mark.parametrize(
    "more", [(), ("CAP_SYS_PTRACE",)], ids=["with the usual capabilities", "with CAP_SYS_PTRACE too"]
)
def test_who_enters_shows_nothing_of_the_host(hostile: Hostile, more: tuple[str, ...]) -> None:
    """No right, mount, directory, descriptor, argument or variable of ours is to be seen of an exec, ever."""
    capabilities = (*DEFAULT_CAPABILITIES, *more)
    hostile.start("web", hostile.config(hostile.python(SPIN), capabilities=capabilities))
    hostile.until_marked("spins")
    secret = {"HOST_SECRET": "swordfish", "PATH": "/usr/bin:/bin"}

    for _ in range(20):
        assert hostile.runj("exec", "-e", "JAIL=known", "web", "true", env=secret).returncode == 0
    hostile.mark("stop")
    seen = hostile.heard()

    assert isinstance(seen, dict)
    assert seen["pids"] > 20
    assert seen["mounts"] == 0
    assert (seen["root"], seen["cwd"]) == ([], [])
    mask = f"{_mask(capabilities):016x}"
    assert {each.split()[1] for each in seen["caps"]} <= {mask, "0" * 16}
    assert seen["cmdline"] in ([], ["true"])
    assert not any("SECRET" in each or "swordfish" in each for each in seen["environ"])
    assert {kind for _, kind in seen["fd"]} <= {"pipe", "socket", "/dev/null", "/bin/busybox"} | _streams(hostile)


def test_a_naive_way_in_is_found_out(hostile: Hostile) -> None:
    """The same attacker does see what nsenter(1) brings along: the host's capabilities and command line."""
    pid = hostile.start("web", hostile.config(hostile.python(SPIN), capabilities=(*DEFAULT_CAPABILITIES,)))
    hostile.until_marked("spins")

    for _ in range(20):
        subprocess.run(["nsenter", "-t", str(pid), "-a", "/bin/sh", "-c", "true # swordfish"], check=True)
    hostile.mark("stop")
    seen = hostile.heard()

    assert isinstance(seen, dict)
    with open("/proc/self/status") as file:
        ours = next(line.split()[1] for line in file if line.startswith("CapEff"))
    assert ours in {each.split()[1] for each in seen["caps"]}
    assert any("swordfish" in each for each in seen["cmdline"])


def _mask(names: tuple[str, ...]) -> int:
    from runjd.kernel.capabilities import NUMBERS

    return sum(1 << NUMBERS[name] for name in names)


def _streams(hostile: Hostile) -> set[str]:
    """Return the files that the test gave the command as its output."""
    return {os.path.join(hostile.directory, name) for name in ("out", "err")}


def test_a_filter_gives_no_right_to_who_looks(hostile: Hostile) -> None:
    """With a filter, no no_new_privs and CAP_SYS_PTRACE inside, CAP_SYS_ADMIN is laid down before it can be taken."""
    capabilities = (*DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE")
    config = hostile.config(hostile.python(SPIN), capabilities=capabilities)
    refused = {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [refused]}  # type: ignore[index]
    hostile.start("web", config)
    hostile.until_marked("spins")

    for _ in range(20):
        assert hostile.runj("exec", "web", "true").returncode == 0
    assert hostile.runj.ok("exec", "web", "grep", "Seccomp:", "/proc/self/status").split() == ["Seccomp:", "2"]
    hostile.mark("stop")
    seen = hostile.heard()

    assert isinstance(seen, dict)
    assert seen["pids"] > 20
    assert {each.split()[1] for each in seen["caps"]} <= {f"{_mask(capabilities):016x}", "0" * 16}


STOP = """
found = {"stopped": 0, "words": []}
own = {int(each) for each in os.listdir("/proc") if each.isdigit()}
WORDS = (b"swordfish",)
def search(pid):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            place, rights = line.split()[:2]
            if rights[:2] != "rw":
                continue
            start, end = (int(each, 16) for each in place.split("-"))
            memory.seek(start)
            content = memory.read(min(end - start, 64 << 20))
            found["words"] += [word.decode() for word in WORDS if word in content]
open("/told/spins", "w").close()
while not os.path.exists("/told/stop"):
    for each in os.listdir("/proc"):
        if each.isdigit() and int(each) not in own and found["stopped"] < 20:
            own.add(int(each))
            try:
                os.kill(int(each), signal.SIGSTOP)
                search(each)
                found["stopped"] += os.readlink(f"/proc/{each}/exe") != "/bin/busybox"
            except OSError:
                pass
            finally:
                alone(os.kill, int(each), signal.SIGCONT)
tell(found)
"""


def test_who_is_stopped_on_the_way_in_has_no_secrets(hostile: Hostile) -> None:
    """An attacker with CAP_SYS_PTRACE stops what enters, and finds no variable of the caller in its memory."""
    capabilities = (*DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE")
    hostile.start("web", hostile.config(hostile.python(STOP), capabilities=capabilities))
    hostile.until_marked("spins")
    secret = {"HOST_SECRET": "swordfish", "PATH": "/usr/bin:/bin"}

    for _ in range(25):
        assert hostile.runj("exec", "web", "true", env=secret).returncode == 0
    hostile.mark("stop")
    found = hostile.heard()

    assert isinstance(found, dict)
    assert found["words"] == []
    assert found["stopped"] > 0


HALT = """
own = {int(each) for each in os.listdir("/proc") if each.isdigit()}
open("/told/spins", "w").close()
while True:
    for each in os.listdir("/proc"):
        if each.isdigit() and int(each) not in own:
            alone(os.kill, int(each), signal.SIGSTOP)
"""


def test_who_stops_what_enters_stops_nobody_outside(hostile: Hostile) -> None:
    """An exec that is stopped on its way in gives up, and meanwhile the container can be deleted."""
    hostile.start("web", hostile.config(hostile.python(HALT)))
    hostile.until_marked("spins")
    runtime, process = LinuxRuntime(), Process(("true",), env=("PATH=/bin",))
    stopped = False
    for number in range(100):
        place = Store(hostile.jails.state_dir).hold("web", shared=True)
        io = Fifos(f"exec{number}", stdin=False)
        state = place.read()
        assert state is not None
        try:
            pid, _started = execute(runtime, state, place, process, io, lambda: None, NOTHING, patience=0.2)
        except RunjdError as error:
            stopped = stopped or "somebody inside stopped the process on its way" in str(error)
        else:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            for fd in io.held.values():
                os.close(fd)
        assert place.fd == -1
        if stopped:
            break

    assert stopped
    hostile.runj.ok("delete", "--force", "web")


@pytest.fixture
def keeper(hostile: Hostile) -> Iterator[RunningKeeper]:
    """Return a keeper that has a secret in its environment."""
    directory = f"{hostile.directory}/kept"
    os.mkdir(directory, 0o700)
    running = RunningKeeper(directory, "--worker-time", "2", shell_before="export HOST_SECRET=swordfish")
    yield running
    running.end()


@pytest.mark.parametrize("program", [SPIN, STOP], ids=["looks", "stops"])
def test_a_worker_that_enters_itself_shows_nothing_of_the_host(
    hostile: Hostile, keeper: RunningKeeper, program: str
) -> None:
    """Nor is there a right, descriptor or secret of the keeper's in a worker that becomes a process of the jail."""
    capabilities = (*DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE")
    daemon = keeper.greeted()
    bundle = hostile.jails.write(hostile.config(hostile.python(program), capabilities=capabilities))
    daemon.run("web", bundle, "linux")
    hostile.until_marked("spins")

    for number in range(25):
        daemon.exec("web", f"e{number}", process_of("true", env=["PATH=/bin"]))
    hostile.mark("stop")
    seen = hostile.heard()

    assert isinstance(seen, dict)
    if program == STOP:
        assert seen["words"] == []
        assert seen["stopped"] > 0
        return
    assert seen["pids"] > 20
    assert (seen["mounts"], seen["root"], seen["cwd"]) == (0, [], [])
    assert {each.split()[1] for each in seen["caps"]} <= {f"{_mask(capabilities):016x}", "0" * 16}
    assert seen["cmdline"] in ([], ["true"])
    assert not any("swordfish" in each for each in seen["environ"])
    kinds = {kind for _, kind in seen["fd"]}
    fifos = {each for each in kinds if "/io/e" in each}
    assert kinds - fifos <= {"pipe", "socket", "/dev/null", "/bin/busybox"}
    assert {number for number, kind in seen["fd"] if kind in fifos} <= {"1", "2"}


def test_a_worker_that_is_stopped_on_the_way_in_delays_nobody(hostile: Hostile, keeper: RunningKeeper) -> None:
    """An exec of the keeper that is stopped by those inside is an error, and nothing is left of it."""
    daemon = keeper.greeted()
    daemon.run("web", hostile.jails.write(hostile.config(hostile.python(HALT))), "linux")
    hostile.until_marked("spins")
    before = keeper.descriptors()

    why = ""
    for number in range(100):
        try:
            daemon.exec("web", f"e{number}", process_of("true", env=["PATH=/bin"]))
        except Failed as failed:
            why = str(failed)
            break
        with suppress(Failed):  # it has ended
            daemon.do(messages.ask_signal, "web", f"e{number}", signal.SIGKILL, False)
        daemon.ack(daemon.exit("web", f"e{number}"))
    assert "somebody inside stopped the process on its way" in why

    keeper.wait(lambda: keeper.descriptors() == before, "descriptors to be closed")
    daemon.delete("web")
