"""Too much of something, or too little: processes, descriptors, memory, time (torture 10, 25, 48, 54 to 60)."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from runjd.kernel.capabilities import NUMBERS
from runjd.kernel.process import start_time
from tests.cli.program import ROOT, runjctl
from tests.faults.strace import Faults
from tests.functional.daemon import PATIENCE, Daemon, wait_until
from tests.functional.isolated import Isolated

_LIVES = "while :; do sleep 0.05; done"


#: lest a worker that waits for the next job is counted, or spared what shall go wrong
_NO_SPARE = ("--spare-time=0",)


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that is to be started, with jails that are not isolated."""
    made = Daemon()
    made.keeper_options = _NO_SPARE
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def busy() -> Iterator[Daemon]:
    """Return a daemon with a jail that lives, for several tests."""
    made = Daemon()
    made.keeper_options = _NO_SPARE
    try:
        made.start()
        made.runjctl("run", "--detach", "--name", "lives", made.shell("lives", _LIVES))
        yield made
    finally:
        made.remove()


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    """Return a daemon whose jails are in namespaces."""
    made = Isolated()
    made.keeper_options = _NO_SPARE
    try:
        made.start()
        yield made
    finally:
        made.remove()


def descriptors(daemon: Daemon) -> list[list[str]]:
    """Return what the keeper and the daemon have open, once nothing but what lives is at work."""
    wait_until(
        lambda: not any(".exit" in each for each in os.listdir(f"{daemon.state}/keeper/exits")), "exits are left"
    )
    found = []
    for pid in (daemon.keeper(), daemon.pid):
        opened = []
        for each in os.listdir(f"/proc/{pid}/fd"):
            try:
                opened.append(os.readlink(f"/proc/{pid}/fd/{each}").partition(":")[0])
            except FileNotFoundError:
                continue
        found.append(sorted(opened))
    return found


def settled(daemon: Daemon) -> list[list[str]]:
    """Return what they have open, once that no longer changes."""
    before: list[list[str]] = []
    for _ in range(100):
        now = descriptors(daemon)
        if now == before:
            return now
        before = now
        time.sleep(0.3)
    raise AssertionError("what is open changes all the time")


def children(pid: int) -> list[str]:
    """Return the pids of the children of a process, zombies included."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return file.read().split()


@pytest.mark.root
def test_a_fork_bomb(isolated: Isolated) -> None:
    """It hits the limit of its jail; the daemon answers, another jail starts and ends, and a stop ends all of it."""
    bundle = isolated.shell("bomb", "f() { f | f & f; }; f; " + _LIVES)
    with open(f"{bundle}/config.json", "r+", encoding="utf-8") as file:
        document = json.load(file)
        document["linux"]["resources"] = {"pids": {"limit": 100}}
        file.seek(0)
        json.dump(document, file)
    isolated.runjctl("run", "--detach", "--name", "bomb", bundle)
    try:
        time.sleep(1.0)
        began = time.monotonic()
        isolated.runjctl("ping")
        isolated.runjctl("run", "--rm", "--name", "other", isolated.shell("other", "exit 0"))
        assert time.monotonic() - began < PATIENCE
    finally:
        isolated.runjctl("stop", "--timeout", "1", "bomb")
    assert isolated.status("bomb")["phase"] == "idle"
    wait_until(lambda: children(isolated.keeper()) == [], "something of it is left")


@pytest.mark.linux
@pytest.mark.root
@pytest.mark.parametrize(
    ("call", "path"),
    [
        ("clone,clone3,fork,vfork:error=EAGAIN", ""),
        ("clone,clone3,fork,vfork:error=ENOMEM", ""),
        ("pipe2,pipe:error=EMFILE", ""),
        ("mknodat,mknod:error=ENOSPC", ""),
        ("execve:error=ENOMEM", ""),
        ("openat:error=ENOMEM", "/dev/ptmx"),
        ("dup,dup2,dup3,fcntl:error=EMFILE", ""),
    ],
)
def test_a_call_that_fails_costs_one_start(busy: Daemon, call: str, path: str) -> None:
    """The start is refused with a reason, or comes to an end; nothing leaks, what runs goes on, and the next works."""
    bundle = busy.shell("web", "exit 0", terminal=bool(path))
    busy.runjctl("run", "--rm", "--name", "web", bundle)
    keeper, before = busy.keeper(), settled(busy)

    with Faults(keeper, call, path=path, children=True):
        refused = busy.runjctl("run", "--rm", "--detach", "--name", "web", bundle, ok=False)
        assert refused.returncode == 0 or refused.stderr.startswith(b"runjctl: ")

    wait_until(lambda: "web" not in {each["jail"] for each in _all(busy)}, "it is not forgotten")
    busy.runjctl("run", "--rm", "--name", "web", bundle)
    wait_until(lambda: descriptors(busy) == before, "descriptors are left open")
    assert busy.keeper() == keeper
    assert busy.status("lives")["phase"] == "running"
    assert os.listdir(f"{busy.state}/state") == ["lives"]


@pytest.mark.linux
@pytest.mark.root
def test_a_daemon_that_gets_no_more_threads(daemon: Daemon) -> None:
    """What needs one is refused or done later; logs are written, jails start and end, and all goes on by itself."""
    daemon.configure(f'[jail.web]\nbundle = "{daemon.shell("web", "echo seen; exit 3")}"\nautostart = false\n')
    daemon.start()
    with Faults(daemon.pid, "clone,clone3:error=EAGAIN", children=True):
        daemon.runjctl("enable", "web", ok=False)
        assert daemon.runjctl("run", "--rm", "--name", "job", daemon.shell("job", "echo said")).stdout == b"said\n"
        assert daemon.runjctl("status").returncode == 0

    daemon.runjctl("enable", "web")
    wait_until(lambda: os.path.exists(f"{daemon.state}/data/jails/web.json"), "it is not written down")
    daemon.runjctl("start", "web")
    wait_until(lambda: os.path.exists(f"{daemon.logs}/web.log"), "its log is not written")


@pytest.mark.linux
@pytest.mark.root
def test_a_reactor_that_can_watch_nothing_more(daemon: Daemon) -> None:
    """A jail that starts then runs, and its output is read as soon as it can be; new clients are sent away."""
    daemon.start()
    bundle = daemon.shell("web", f"echo said; : > {daemon.directory}/runs; exec sleep 1000")
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(daemon.path)
        client.recv(8192)
        with Faults(daemon.pid, "epoll_ctl:error=ENOMEM"):
            client.sendall(f"run web {bundle}\n".encode())
            wait_until(lambda: os.path.exists(f"{daemon.directory}/runs"), "it does not run")
            assert daemon.runjctl("ping", ok=False).returncode != 0

    wait_until(lambda: os.path.exists(f"{daemon.logs}/web.log"), "its output is not read")
    assert daemon.status("web")["phase"] == "running"
    daemon.runjctl("stop", "--timeout", "0", "web")
    with open(f"{daemon.logs}/web.log", encoding="ascii") as file:
        assert file.read().split()[-1] == "said"


def _all(daemon: Daemon) -> list[dict[str, object]]:
    found = json.loads(daemon.runjctl("status", "--json").stdout or b"[]")
    assert isinstance(found, list)
    return found


def test_five_hundred_execs(daemon: Daemon) -> None:
    """Processes that end at once, one after another as fast as they can be asked for: nothing of them is left."""
    daemon.start()
    daemon.runjctl("run", "--detach", "--name", "web", daemon.shell("web", _LIVES))
    daemon.runjctl("exec", "web", "--", "/bin/true")
    keeper, before = daemon.keeper(), settled(daemon)

    for _ in range(10):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(60)
            connection.connect(daemon.path)
            lines = [f"{tag} exec web detach=yes -- /bin/true\n" for tag in range(1, 51)]
            connection.sendall("".join(lines).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("r", encoding="utf-8") as reader:
                answers = [line for line in reader if line[0] in "+-"]
        assert [line for line in answers if line[0] == "-"] == []
        assert len(answers) == 50

    wait_until(lambda: len(children(keeper)) == 1, "processes are left")
    wait_until(lambda: descriptors(daemon) == before, "descriptors are left open")
    assert os.listdir(f"{daemon.state}/keeper/exits") == []


@pytest.mark.parametrize("kind", ["args", "env"])
def test_arguments_that_are_too_long(daemon: Daemon, kind: str) -> None:
    """What execve(2) refuses is the caller's fault, and is told as such; a line that is too long likewise."""
    daemon.start()
    words = ["x" * 100_000] * 40
    bundle = (
        daemon.bundle("long", ["/bin/true", *words])
        if kind == "args"
        else daemon.bundle("long", ["/bin/true"], env=[f"V{n}={word}" for n, word in enumerate(words)])
    )

    refused = daemon.runjctl("run", "--json", "--name", "long", bundle, ok=False)

    assert json.loads(refused.stderr)["code"] == "BAD_ARG", refused.stderr
    assert os.listdir(f"{daemon.state}/state") == []
    refused = daemon.runjctl("run", "--json", "--name", "x" * 300, bundle, ok=False)
    assert json.loads(refused.stderr)["code"] == "BAD_ARG"
    refused = daemon.runjctl("exec", "--json", "long", "--", "/bin/echo", "y" * 20_000, ok=False)
    assert json.loads(refused.stderr)["code"] in ("TOOLONG", "BAD_ARG")


@pytest.mark.parametrize(
    "before",
    [
        "umask 000",
        "umask 077",
        "exec <&-",
        "exec <&- >&- 2>&-",
        "export PYTHONSAFEPATH=1; mkdir $0.gone && cd $0.gone && rmdir $0.gone",
    ],
)
def test_started_in_a_strange_way(daemon: Daemon, before: str) -> None:
    """Whatever its umask, its descriptors and its directory are: modes are as they should be, and jails run."""
    daemon._before = ["/bin/sh", "-c", f'{before}; exec "$@"', f"{daemon.directory}/sh"]
    daemon.start()

    assert daemon.runjctl("run", "--rm", "--name", "web", daemon.shell("web", "echo seen")).stdout == b"seen\n"

    modes = {
        path: stat.S_IMODE(os.lstat(f"{daemon.state}/{path}").st_mode) for path in ("", "control", "jails", "lock")
    }
    assert modes == {"": 0o755, "control": 0o600, "jails": 0o700, "lock": 0o600}
    assert stat.S_IMODE(os.stat(f"{daemon.logs}/web.log").st_mode) == 0o640
    assert stat.S_IMODE(os.stat(daemon.logs).st_mode) == 0o755
    for pid in (daemon.pid, daemon.keeper()):
        for fd in range(3):
            assert os.readlink(f"/proc/{pid}/fd/{fd}") in ("/dev/null", daemon._words)


def test_a_daemon_in_a_jail_of_another(daemon: Daemon) -> None:
    """Each has its own keeper, and neither touches the other's jails."""
    daemon.start()
    path = f"{daemon.directory}/inner/control"
    start = f"import sys; sys.path.insert(0, {ROOT!r}); from twisted.scripts.twistd import run; run()"
    arguments = ["--nodaemon", "--pidfile=", "runjd", "--state", f"{daemon.directory}/inner"]
    arguments += ["--log", f"{daemon.directory}/inner-log", "--runtime", "plain"]
    arguments += ["--keeper", daemon._keeper()]
    bundle = daemon.bundle("inner", [sys.executable, "-c", start, *arguments], cwd=daemon.directory)
    with open(f"{bundle}/config.json", "r+", encoding="utf-8") as file:
        document = json.load(file)
        sets = ("bounding", "effective", "permitted")
        document["process"]["capabilities"] = dict.fromkeys(sets, sorted(NUMBERS))
        file.seek(0)
        json.dump(document, file)
    daemon.runjctl("run", "--detach", "--name", "inner", bundle)
    wait_until(lambda: runjctl("--socket", path, "ping").returncode == 0, "the inner one does not start")
    bundle = daemon.shell("web", _LIVES)
    for socket_path in (daemon.path, path):
        done = runjctl("--socket", socket_path, "run", "--detach", "--name", "web", bundle)
        assert done.returncode == 0, done.stderr
    [inner] = json.loads(runjctl("--socket", path, "status", "--json").stdout)
    assert (inner["phase"], inner["pid"] != daemon.status("web")["pid"]) == ("running", True)

    assert runjctl("--socket", path, "shutdown", "--stop").returncode == 0

    wait_until(lambda: daemon.status("inner")["phase"] == "idle", "the inner one does not end")
    assert daemon.status("inner")["exit"] == 0
    assert daemon.status("web")["phase"] == "running"


def test_a_daemon_that_was_stopped_for_a_while(daemon: Daemon) -> None:
    """As by SIGSTOP, a debugger or a suspended machine: jails wait, nothing is lost, no timers run riot after it."""
    script = "i=0; while :; do i=$((i+1)); echo $i; done"
    daemon.configure(
        f"""
        [jail.writes]
        bundle = "{daemon.shell("writes", script)}"
        [jail.crashes]
        bundle = "{daemon.shell("crashes", "exit 1")}"
        restart = "always"
        """
    )
    daemon.start()
    daemon.runjctl("wait", "--until", "started", "writes")
    before = daemon.status("crashes")["restarts"]
    os.kill(daemon.pid, signal.SIGSTOP)
    time.sleep(4.0)
    os.kill(daemon.pid, signal.SIGCONT)

    began = time.monotonic()
    daemon.runjctl("ping")
    assert time.monotonic() - began < PATIENCE
    assert int(str(daemon.status("crashes")["restarts"])) - int(str(before)) <= 3
    daemon.runjctl("stop", "--timeout", "0", "writes")
    with open(f"{daemon.logs}/writes.log", encoding="ascii") as file:
        numbers = [int(line.split()[-1]) for line in file]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_storm_of_signals(daemon: Daemon) -> None:
    """A hundred of each kind end the daemon once, in order; the jail runs on."""
    daemon.start()
    daemon.runjctl("run", "--detach", "--name", "web", daemon.shell("web", _LIVES))
    pid = daemon.status("web")["pid"]
    process = daemon._process
    assert process is not None
    for _ in range(100):
        for signum in (signal.SIGHUP, signal.SIGUSR1, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            try:
                os.kill(process.pid, signum)
            except ProcessLookupError:
                break
    assert process.wait(PATIENCE) in (0, -signal.SIGTERM, -signal.SIGINT), daemon.words()
    daemon._process = None
    assert "Main loop terminated" in daemon.words()
    daemon.start()
    assert daemon.status("web")["pid"] == pid


def test_a_pid_that_belongs_to_somebody_else_by_now(daemon: Daemon, bystander: Callable[[], int]) -> None:
    """Whoever has the pid of a jail that ended while both were dead is neither taken for it nor signalled."""
    daemon.start()
    daemon.runjctl("run", "--detach", "--name", "web", daemon.shell("web", _LIVES))
    pid, other = int(str(daemon.status("web")["pid"])), bystander()
    os.kill(daemon.pid, signal.SIGSTOP)
    daemon.kill_keeper()
    os.kill(pid, signal.SIGKILL)
    daemon.kill()
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it does not end")
    path = f"{daemon.state}/state/web/state.json"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    mark = f"{daemon.state}/state/web/runj.container"
    for each in (path, mark):
        with open(each, encoding="utf-8") as file:
            text = file.read()
        assert str(pid) in text
        with open(each, "w", encoding="utf-8") as file:
            file.write(text.replace(f":{pid},", f":{other},").replace(f": {pid},", f": {other},"))

    daemon.start()

    wait_until(lambda: daemon.status("web")["phase"] == "idle", "it is not given up")
    assert daemon.status("web")["exit"] == "unknown"
    daemon.runjctl("delete", "--force", "web")
    assert start_time(other)


@pytest.fixture
def bystander() -> Iterator[Callable[[], int]]:
    """Return what makes a process that has nothing to do with us, and must live to the end."""
    made: list[int] = []

    def make() -> int:
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        made.append(pid)
        return pid

    yield make
    for pid in made:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), "somebody has killed it"
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
