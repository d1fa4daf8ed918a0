"""The worker that waits in a pid namespace of its own, to become the first process of the next jail."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator

import pytest

from runjd.keeper import messages
from runjd.kernel.process import look
from tests.keeper.daemon import PATIENCE, Daemon, Failed
from tests.keeper.running import RunningKeeper, listens, process_of

pytestmark = [pytest.mark.root, pytest.mark.skipif(sys.platform != "linux", reason="pid namespaces are Linux's")]


@pytest.fixture
def keeper(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper that has run an isolated jail, and keeps those who wait for ten seconds."""
    running = RunningKeeper(private_dir, "--spare-time=10")
    _warm_up(running)
    yield running
    running.end()


def _warm_up(keeper: RunningKeeper) -> None:
    """Run a jail, so that somebody will wait for the next."""
    daemon = keeper.greeted()
    daemon.run("before", keeper.isolated_bundle("before", "/bin/true"), "linux")
    daemon.ack(daemon.exit("before"))
    daemon.delete("before")
    daemon.close()


def _first(keeper: RunningKeeper) -> int:
    """Wait for who waits, and return its pid: it is a child that is pid 1 of its namespace."""
    found: list[int] = []

    def is_there() -> bool:
        found[:] = [pid for pid in _children(keeper.pid) if _is_first(pid)]
        return bool(found)

    keeper.wait(is_there, "a worker in a pid namespace of its own")
    return found[0]


def _children(pid: int) -> list[int]:
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(each) for each in file.read().split()]


def _is_first(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            pids = [line.split()[1:] for line in file if line.startswith("NSpid:")]
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return pids[0][-1] == "1" and b"--spare-time=10" in file.read()
    except OSError:
        return False


def _slow_bundle(keeper: RunningKeeper) -> str:
    """Return a bundle whose root takes a while to mount, and whose program says on the host that it runs."""
    path = keeper.isolated_bundle("slow", "/bin/sh", "-c", "echo $$ >> /told/runs; exec sleep 1000")
    os.mkdir(f"{keeper.directory}/told")
    with open(f"{path}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    config["mounts"] += [{"destination": f"/m{number}", "type": "tmpfs", "source": "x"} for number in range(100)]
    told = {"destination": "/told", "type": "bind", "source": f"{keeper.directory}/told", "options": ["bind"]}
    config["mounts"].append(told)
    with open(f"{path}/config.json", "w", encoding="utf-8") as file:
        json.dump(config, file)
    return path


def _shared_bundle(keeper: RunningKeeper) -> str:
    """Return a bundle that lives in the pid namespace of the host."""
    namespaces = {"namespaces": [{"type": "mount"}]}
    return keeper.isolated_bundle("shared", "/bin/sleep", "1000", linux=namespaces)


def _restarted(keeper: RunningKeeper, daemon: Daemon) -> Daemon:
    """Kill the keeper and its daemon; return a daemon of the next one that has not greeted."""
    keeper.kill()
    daemon.close()
    deadline = time.monotonic() + PATIENCE
    while listens(keeper.path):  # whom it has forked this moment has all that it had
        assert time.monotonic() < deadline
        time.sleep(0.001)
    keeper.start()
    return keeper.daemon()


def _has_ended(pid: int) -> bool:
    seen = look(pid)
    return seen is None or not seen.alive


def _line(daemon: Daemon, jail: str, stream: str = "out") -> bytes:
    text = b""
    while not text.endswith(b"\n"):
        text += daemon.read(jail, 1, "", stream)
    return text


def test_it_becomes_the_first_process_of_the_next_jail(keeper: RunningKeeper) -> None:
    """It is pid 1 inside, in namespaces of the jail, holds nothing of ours, and ends as any other does."""
    daemon = keeper.greeted()
    first = _first(keeper)
    script = "echo $$ $(ls /proc/self/fd | wc -l) $(cat /proc/sys/kernel/hostname); read line; exit 4"

    ran = daemon.run("web", keeper.isolated_bundle("web", "/bin/sh", "-c", script), "linux", stdin=True)

    assert ran["pid"] == first
    pid, descriptors, _ = _line(daemon, "web").split()
    assert (pid, descriptors) == (b"1", b"4")  # the fourth is ls's own
    for kind in ("ipc", "mnt", "net", "pid", "uts"):
        assert os.readlink(f"/proc/{first}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")
    beside = daemon.exec("web", "e1", process_of("/bin/sleep", "1000"))
    (stdin,) = daemon.answer(daemon.ask(messages.ask_stdin, "web", "")).descriptors
    os.write(stdin, b"go\n")
    os.close(stdin)
    ended, also = daemon.exit("web"), daemon.exit("web", "e1")
    assert (ended["pid"], ended["status"]) == (first, 4)
    assert (also["pid"], also["signal"]) == (beside["pid"], signal.SIGKILL)
    assert _first(keeper) != first
    daemon.do(messages.ask_delete, "web", False)
    assert os.listdir(keeper.root) == []


def test_a_terminal_and_readiness(keeper: RunningKeeper) -> None:
    """The terminal of the jail arrives, and what it tells by that it is ready."""
    daemon = keeper.greeted()
    first = _first(keeper)
    bundle = keeper.isolated_bundle("tty", "/bin/sh", "-c", "tty; echo >&3; sleep 1000", terminal=True)

    assert daemon.run("tty", bundle, "linux", size=(9, 99), ready="fd:3")["pid"] == first

    assert _line(daemon, "tty", "tty") == b"/dev/pts/0\r\n"
    assert daemon.read("tty", 1, stream="ready") == b"\n"


def test_a_program_that_is_not_there(keeper: RunningKeeper) -> None:
    """The error is that of any other start, and nothing is left of the jail."""
    daemon = keeper.greeted()
    first = _first(keeper)

    with pytest.raises(Failed, match="no such file or directory|not found"):
        daemon.run("web", keeper.isolated_bundle("web", "/bin/nothing"), "linux")

    assert os.listdir(keeper.root) == []
    keeper.wait(lambda: first not in _children(keeper.pid), "its end")
    daemon.run("web", keeper.isolated_bundle("again", "/bin/true"), "linux")


def test_a_jail_that_is_there_already(keeper: RunningKeeper) -> None:
    """Its namesake is refused, and lives on."""
    daemon = keeper.greeted()
    bundle = keeper.isolated_bundle("web", "/bin/sleep", "1000")
    _first(keeper)
    ran = daemon.run("web", bundle, "linux")
    _first(keeper)

    with pytest.raises(Failed, match="EXISTS"):
        daemon.run("web", bundle, "linux")

    os.kill(int(str(ran["pid"])), 0)
    daemon.exec("web", "e1", process_of("/bin/true"))


def test_what_it_is_unfit_for_another_one_does(keeper: RunningKeeper) -> None:
    """A jail that lives in the pid namespace of the host is made as ever, and so is the next one that has its own."""
    daemon = keeper.greeted()
    first = _first(keeper)

    pid = int(str(daemon.run("shared", _shared_bundle(keeper), "linux")["pid"]))

    assert pid != first
    assert os.readlink(f"/proc/{pid}/ns/pid") == os.readlink("/proc/self/ns/pid")
    assert daemon.run("own", keeper.isolated_bundle("own", "/bin/true"), "linux")["pid"] != pid
    assert daemon.exit("own")["status"] == 0


def test_who_is_killed_while_it_waits_is_missed_by_nobody(keeper: RunningKeeper) -> None:
    """The next jail is made by another one."""
    daemon = keeper.greeted()
    first = _first(keeper)
    os.kill(first, signal.SIGKILL)
    keeper.wait(lambda: first not in _children(keeper.pid), "its end")

    assert daemon.run("web", keeper.isolated_bundle("web", "/bin/true"), "linux")["pid"] != first
    assert daemon.exit("web")["status"] == 0


def test_a_name_that_was_free_is_free_again_after_a_failure(keeper: RunningKeeper) -> None:
    """Also where a creator that was killed before its first record had left a directory."""
    daemon = keeper.greeted()
    _first(keeper)
    os.mkdir(f"{keeper.root}/web", 0o700)

    with pytest.raises(Failed, match="no such file or directory|not found"):
        daemon.run("web", keeper.isolated_bundle("web", "/bin/nothing"), "linux")

    assert os.listdir(keeper.root) == []


def test_of_two_starts_of_one_name_one_lives(keeper: RunningKeeper) -> None:
    """What the other one finds is not what it left."""
    daemon = keeper.greeted()
    _first(keeper)
    bundle = keeper.isolated_bundle("web", "/bin/sleep", "1000")
    asked = [daemon.ask(messages.ask_run, "web", bundle, "linux", False, None, {}) for _ in range(2)]

    ran, codes = [], []
    for each in asked:
        try:
            ran.append(int(str(daemon.ran(each, "web")["pid"])))
        except Failed as error:
            codes.append(error.code)

    assert codes == ["EXISTS"]
    (pid,) = ran
    daemon.exec("web", "e1", process_of("/bin/true"))
    assert not _has_ended(pid)


def test_hooks_are_run_by_another_one(keeper: RunningKeeper) -> None:
    """A bundle with any of them is made as ever."""
    daemon = keeper.greeted()
    first = _first(keeper)
    bundle = keeper.isolated_bundle("web", "/bin/sleep", "1000")
    with open(f"{bundle}/config.json", encoding="utf-8") as file:
        config = json.load(file)
    hook = {"path": "/bin/sh", "args": ["sh", "-c", f"cat > {keeper.directory}/hook"]}
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as file:
        json.dump({**config, "hooks": {"createRuntime": [hook]}}, file)

    pid = daemon.run("web", bundle, "linux")["pid"]

    assert pid != first
    with open(f"{keeper.directory}/hook", encoding="utf-8") as file:
        assert json.load(file)["pid"] == pid


def test_whose_keeper_is_killed_on_the_way_executes_nothing(keeper: RunningKeeper) -> None:
    """The next keeper looked once who is there, when nobody was: what it does not know must not run."""
    daemon = keeper.greeted()
    first = _first(keeper)
    daemon.ask(messages.ask_run, "web", _slow_bundle(keeper), "linux", False, None, {})
    ours = os.readlink("/proc/self/ns/mnt")
    keeper.wait(lambda: os.readlink(f"/proc/{first}/ns/mnt") != ours, "its mount namespace")
    os.kill(first, signal.SIGSTOP)
    daemon = _restarted(keeper, daemon)
    assert daemon.greet() == []

    os.kill(first, signal.SIGCONT)
    keeper.wait(lambda: _has_ended(first), "its end")

    assert os.listdir(f"{keeper.directory}/told") == []
    daemon.delete("web")
    assert os.listdir(keeper.root) == []


def test_whose_keeper_is_killed_before_it_heard_makes_nothing(keeper: RunningKeeper) -> None:
    """An order that only begins to be carried out when nobody waits for it leaves nothing."""
    daemon = keeper.greeted()
    first = _first(keeper)
    os.kill(first, signal.SIGSTOP)
    daemon.ask(messages.ask_run, "web", _slow_bundle(keeper), "linux", False, None, {})
    daemon.ask(messages.ask_close_stdin, "nobody", "")
    daemon.next("failed")  # and so it has the order before
    keeper.kill()
    daemon.close()
    os.kill(first, signal.SIGCONT)
    keeper.start()

    keeper.wait(lambda: _has_ended(first), "its end")

    assert os.listdir(keeper.root) == []


@pytest.mark.parametrize("milliseconds", [0, 2, 5, 9, 14, 20, 30])
def test_what_another_one_starts_is_known_too(keeper: RunningKeeper, milliseconds: int) -> None:
    """A worker that is no init process itself starts nothing for a keeper that was killed, and leaves nothing."""
    daemon = keeper.greeted()
    # behind one that it is unfit for, none is forked for the next
    daemon.run("shared", _shared_bundle(keeper), "linux")
    daemon.delete("shared")
    os.kill(_first(keeper), signal.SIGKILL)
    daemon.ask(messages.ask_run, "web", _slow_bundle(keeper), "linux", False, None, {})
    time.sleep(milliseconds / 1000)
    daemon = _restarted(keeper, daemon)
    known = [each["pid"] for each in daemon.greet() if each["m"] == "process"]
    path = f"{keeper.directory}/told/runs"

    keeper.wait(lambda: not os.listdir(keeper.root) or os.path.exists(path), "what becomes of it")

    assert len(known) == 1 or not os.path.exists(path)
    daemon.delete("web")
    assert os.listdir(keeper.root) == []


@pytest.mark.parametrize("milliseconds", [0, 2, 5, 9, 14, 20, 30])
def test_what_runs_is_known_whenever_the_keeper_is_killed(keeper: RunningKeeper, milliseconds: int) -> None:
    """Either the next keeper tells of the jail, or it never begins to run; and it begins once."""
    daemon = keeper.greeted()
    first = _first(keeper)
    daemon.ask(messages.ask_run, "web", _slow_bundle(keeper), "linux", False, None, {})
    time.sleep(milliseconds / 1000)
    daemon = _restarted(keeper, daemon)
    known = [each["pid"] for each in daemon.greet() if each["m"] == "process"]
    path = f"{keeper.directory}/told/runs"

    keeper.wait(lambda: _has_ended(first) or os.path.exists(path), "what becomes of it")

    if os.path.exists(path):
        assert known == [first]
        with open(path, encoding="ascii") as file:
            assert file.read() == "1\n"
    else:
        assert known in ([], [first])
    daemon.delete("web")
    assert os.listdir(keeper.root) == []


@pytest.mark.parametrize("milliseconds", [0, 2, 5, 9, 14, 20, 30])
def test_what_one_that_did_not_wait_starts_is_known_as_well(keeper: RunningKeeper, milliseconds: int) -> None:
    """Who was forked for a start, as nobody waited, begins what the next keeper tells of, or nothing."""
    daemon = keeper.greeted()
    first = _first(keeper)
    os.kill(first, signal.SIGKILL)
    keeper.wait(lambda: first not in _children(keeper.pid), "its end")
    daemon.ask(messages.ask_run, "web", _slow_bundle(keeper), "linux", False, None, {})
    time.sleep(milliseconds / 1000)
    children = _children(keeper.pid)
    daemon = _restarted(keeper, daemon)
    known = [each["pid"] for each in daemon.greet() if each["m"] == "process"]
    path = f"{keeper.directory}/told/runs"

    keeper.wait(lambda: all(map(_has_ended, children)) or os.path.exists(path), "what becomes of it")

    assert len(known) == 1 if os.path.exists(path) else len(known) < 2
    daemon.delete("web")
    assert os.listdir(keeper.root) == []
