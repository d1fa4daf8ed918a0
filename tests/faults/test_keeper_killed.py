"""The keeper is killed, alone or with the daemon, while real jails run."""

from __future__ import annotations

import os
import random
import signal

from runjd.kernel.process import look
from tests.functional.daemon import Daemon, wait_until

# the first process of a pid namespace heeds only what it traps
_TICK = "trap 'exit 9' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"


def _start(daemon: Daemon, jail: str, script: str) -> None:
    """Run a jail."""
    daemon.runjctl("run", "--detach", "--name", jail, daemon.shell(jail, script))


def _run(daemon: Daemon, jail: str, script: str) -> int:
    """Run a jail; return the pid of its init process."""
    _start(daemon, jail, script)
    return int(str(daemon.status(jail)["pid"]))


def _numbers(daemon: Daemon, jail: str) -> list[int]:
    """Return what a jail that counts has in its log."""
    with open(os.path.join(daemon.logs, f"{jail}.log"), encoding="ascii") as file:
        return [int(line.split()[-1]) for line in file.read().splitlines()]


def _has_keeper(daemon: Daemon, old: int) -> None:
    """Wait until the daemon has a new keeper."""
    wait_until(lambda: daemon.keeper() not in (0, old), "there is no new keeper")
    wait_until(lambda: "the keeper is connected again" in daemon.words(), "the daemon has no keeper")


def _dead(pid: int) -> bool:
    seen = look(pid)
    return seen is None or not seen.alive


def test_a_jail_lives_through_the_death_of_its_keeper(daemon: Daemon) -> None:
    """It is the same process, its output goes on without a gap, and it can be entered, stopped and started again."""
    pid = _run(daemon, "web", _TICK)

    old = daemon.kill_keeper()
    wait_until(lambda: "the keeper is lost" in daemon.words(), "the daemon does not notice")
    assert daemon.status("web")["phase"] == "running"
    _has_keeper(daemon, old)

    status = daemon.status("web")
    assert (status["phase"], status["pid"]) == ("running", pid)
    seen = len(_numbers(daemon, "web"))
    wait_until(lambda: len(_numbers(daemon, "web")) > seen + 5, "its output is not read on")
    numbers = _numbers(daemon, "web")
    assert numbers == list(range(1, len(numbers) + 1))
    assert daemon.runjctl("exec", "web", "--", "/bin/sh", "-c", "echo inside").stdout == b"inside\n"
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 9
    daemon.runjctl("start", "web")
    assert daemon.status("web")["pid"] != pid
    daemon.runjctl("delete", "--force", "web")


def test_the_status_of_a_jail_is_known_without_its_keeper(daemon: Daemon) -> None:
    """It ended while there was no keeper at all: the daemon saw it, after all of its output."""
    pid = _run(daemon, "web", "trap 'echo bye; exit 7' USR1; echo ready; while :; do sleep 0.02; done")
    wait_until(lambda: os.path.exists(f"{daemon.logs}/web.log"), "it writes nothing")
    os.kill(daemon.pid, signal.SIGSTOP)  # lest it starts a new keeper before the jail ends
    daemon.kill_keeper()
    os.kill(pid, signal.SIGUSR1)
    wait_until(lambda: _dead(pid), "it does not end")
    os.kill(daemon.pid, signal.SIGCONT)

    wait_until(lambda: daemon.status("web")["phase"] == "idle", "its end is not dealt with")
    assert daemon.status("web")["exit"] == 7
    with open(f"{daemon.logs}/web.log", encoding="ascii") as file:
        assert file.read().splitlines()[-1].endswith("bye")
    assert os.listdir(f"{daemon.state}/state") == []


def test_both_are_killed_and_the_jail_is_adopted(daemon: Daemon) -> None:
    """The next two have it by the state directory: the same process, its output from there on, its end with status."""
    pid = _run(daemon, "web", _TICK)
    gone = _run(daemon, "gone", "while :; do sleep 0.02; done")

    daemon.kill_keeper()
    daemon.kill()
    os.kill(gone, signal.SIGKILL)
    wait_until(lambda: _dead(gone), "it does not end")
    daemon.start()

    status = daemon.status("web")
    assert (status["phase"], status["pid"]) == ("running", pid)
    last = _numbers(daemon, "web")[-1]
    wait_until(lambda: _numbers(daemon, "web")[-1] > last + 5, "its output is not read on")
    assert daemon.status("gone")["exit"] == "unknown"
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 9
    wait_until(lambda: os.listdir(f"{daemon.state}/state") == [], "something is left of a jail")


def test_a_jail_on_a_terminal_lives_through_the_deaths_of_keeper_and_daemon(daemon: Daemon) -> None:
    """After the keeper's only the daemon has its terminal, which it hands over: it is not hung up with the daemon."""
    daemon.runjctl("run", "--detach", "--name", "web", daemon.shell("web", _TICK, terminal=True))
    pid = daemon.status("web")["pid"]
    _has_keeper(daemon, daemon.kill_keeper())
    daemon.runjctl("exec", "web", "--", "/bin/true")  # a request behind the terminal

    daemon.kill()
    daemon.start()

    status = daemon.status("web")
    assert (status["phase"], status["pid"]) == ("running", pid)
    last = _numbers(daemon, "web")[-1]
    wait_until(lambda: _numbers(daemon, "web")[-1] > last + 5, "its output is not read on")


def test_jails_live_through_many_deaths(daemon: Daemon) -> None:
    """Ten keepers, one after another: nothing is disturbed, started twice or unknown."""
    pids = {f"j{number}": _run(daemon, f"j{number}", _TICK) for number in range(4)}

    for _ in range(10):
        words = len(daemon.words())
        daemon.kill_keeper()
        wait_until(lambda: "connected again" in daemon.words()[words:], "there is no new keeper")  # noqa: B023

    for jail, pid in pids.items():
        status = daemon.status(jail)
        assert (status["phase"], status["pid"]) == ("running", pid)
        numbers = _numbers(daemon, jail)
        assert numbers == list(range(1, len(numbers) + 1))


def test_what_a_dead_pair_left_is_cleared(daemon: Daemon) -> None:
    """A container that does not run, and that no daemon knows, is told and removed; what is not ours stays."""
    _run(daemon, "web", "while :; do sleep 0.02; done")
    pid = int(str(daemon.status("web")["pid"]))
    daemon.kill_keeper()
    daemon.kill()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: _dead(pid), "it does not end")
    os.unlink(f"{daemon.state}/jails/web.json")
    os.makedirs(f"{daemon.state}/state/strange/things")
    daemon.start()

    wait_until(lambda: os.listdir(f"{daemon.state}/state") == ["strange"], "it is not removed")
    assert "web: something was left of an earlier run; it is removed" in daemon.words()


def test_no_exit_is_lost_around_the_death_of_the_keeper(daemon: Daemon) -> None:
    """Jails that end before, at and after it have their own status, their last line once, and leave nothing."""
    chance = random.Random(7)
    for _ in range(3):
        words = len(daemon.words())
        jails = {}
        for status in range(1, 7):
            jail = f"j{words}-{status}"
            _start(daemon, jail, f"sleep {chance.random() * 0.8:.3f}; echo last; exit {status}")
            jails[jail] = status
        daemon.kill_keeper()
        wait_until(lambda: "connected again" in daemon.words()[words:], "there is no new keeper")  # noqa: B023

        for jail, status in jails.items():
            wait_until(lambda: daemon.status(jail)["phase"] == "idle", "its end is not dealt with")  # noqa: B023
            assert daemon.status(jail)["exit"] == status
            with open(f"{daemon.logs}/{jail}.log", encoding="ascii") as file:
                assert [line.split()[-1] for line in file] == ["last"]
        assert os.listdir(f"{daemon.state}/state") == []
