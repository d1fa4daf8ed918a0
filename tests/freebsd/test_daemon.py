"""The daemon and its keeper, with jails of this system."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from runjd.kernel.freebsd.kernel import FreeBSDKernel
from runjd.kernel.process import everyone, look
from tests.functional.daemon import Daemon, wait_until

#: it counts, and heeds a signal, which the first process of a Linux container would not by itself
TICK = "trap 'exit 9' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done"
#: seconds
AT_ONCE = 5.0


@pytest.fixture
def daemon(containers) -> Iterator[Daemon]:
    """Return a daemon, and see that it leaves nothing."""
    made = Daemon(containers.runtime)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def run(daemon: Daemon, containers, jail: str, script: str, **process: object) -> int:
    """Run a jail, return the pid of its first process."""
    bundle = containers.bundle(containers.config(script, **process))
    daemon.runjctl("run", "--detach", "--name", jail, bundle)
    return int(str(daemon.status(jail).get("pid", 0)))


def ends(daemon: Daemon, jail: str) -> object:
    """Return how a jail ends."""
    wait_until(lambda: daemon.status(jail)["phase"] == "idle", f"the end of {jail} is not told")
    return daemon.status(jail)["exit"]


def log_of(daemon: Daemon, jail: str) -> list[str]:
    """Return the words at the end of each line of a log."""
    path = f"{daemon.logs}/{jail}.log"
    if not os.path.exists(path):
        return []
    with open(path) as file:
        return [line.split()[-1] for line in file.read().splitlines()]


def kill_keeper(pid: int) -> int:
    """Kill the keeper, whose child the first process of each jail is, as the kernel would."""
    seen = look(pid)
    assert seen is not None
    os.kill(seen.parent, signal.SIGKILL)
    return seen.parent


def is_alive(pid: int) -> bool:
    """Whether a process runs."""
    seen = look(pid)
    return seen is not None and seen.alive


def test_an_exit_is_told_with_its_status_and_its_output(daemon, containers) -> None:
    """Of a program that fails, of one that is killed, and of one that had not been waited for."""
    run(daemon, containers, "fails", "echo out; exit 3")
    pid = run(daemon, containers, "killed", TICK)
    os.kill(pid, signal.SIGKILL)

    assert ends(daemon, "fails") == 3
    assert log_of(daemon, "fails") == ["out"]
    wait_until(lambda: daemon.status("killed")["phase"] == "idle", "its end is not told")
    assert daemon.status("killed")["signal"] == 9


def test_a_jail_is_stopped_started_and_entered(daemon, containers) -> None:
    """By the verbs of runjctl."""
    first = run(daemon, containers, "web", TICK)
    inside = daemon.runjctl("exec", "web", "--", "/bin/sh", "-c", "echo inside; exit 4", ok=False)
    daemon.runjctl("stop", "web")
    stopped = daemon.status("web")["exit"]
    daemon.runjctl("start", "web")
    second = daemon.status("web")["pid"]

    assert (inside.stdout, inside.returncode) == (b"inside\n", 4)
    assert stopped == 9
    assert second not in (0, first)


def test_nothing_is_left_of_what_a_program_leaves_behind(daemon, containers) -> None:
    """Its orphans come to the keeper, who reaps them; those that live go with the jail."""
    pid = run(daemon, containers, "web", "for n in 1 2 3; do (sleep 0.1 &) ; (sleep 1000 &) ; done; " + TICK)
    seen = look(pid)
    assert seen is not None
    wait_until(lambda: log_of(daemon, "web") != [], "it writes nothing")
    time.sleep(0.5)
    dead = [each.pid for each in everyone() if each.parent == seen.parent and not each.alive]
    daemon.runjctl("stop", "web")

    assert dead == []
    # two may wait for the keeper's next jobs
    wait_until(lambda: sum(each.parent == seen.parent for each in everyone()) <= 2, "children of the keeper are left")


def test_a_crowd_in_one_jail_does_not_delay_the_end_of_another(daemon, containers) -> None:
    """However many orphans are to be reaped."""
    run(daemon, containers, "crowd", "while :; do (sleep 0 &) ; done")
    run(daemon, containers, "brief", "sleep 0.3; exit 5")
    began = time.monotonic()

    assert ends(daemon, "brief") == 5
    assert time.monotonic() - began < AT_ONCE
    daemon.runjctl("kill", "--signal", "KILL", "crowd")


def test_jails_live_through_the_death_of_the_daemon(daemon, containers) -> None:
    """They are adopted, and what ended in between is known with its status."""
    pid = run(daemon, containers, "web", TICK)
    run(daemon, containers, "brief", "sleep 0.5; echo the end; exit 3")
    daemon.kill()
    time.sleep(1.0)
    daemon.start()

    assert ends(daemon, "brief") == 3
    assert log_of(daemon, "brief") == ["end"]
    assert (daemon.status("web")["phase"], daemon.status("web")["pid"]) == ("running", pid)
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 9


def test_jails_live_through_the_death_of_the_keeper(daemon, containers) -> None:
    """The daemon starts another, its output goes on, and the kernel tells its status though it is nobody's child."""
    pid = run(daemon, containers, "web", TICK)
    kill_keeper(pid)
    wait_until(lambda: "the keeper is connected again" in daemon.words(), "there is no new keeper")
    before = len(log_of(daemon, "web"))
    wait_until(lambda: len(log_of(daemon, "web")) > before + 5, "its output is not read on")

    assert log_of(daemon, "web") == [str(n) for n in range(1, len(log_of(daemon, "web")) + 1)]
    assert daemon.status("web")["pid"] == pid
    os.kill(pid, signal.SIGTERM)
    assert ends(daemon, "web") == 9


def test_jails_live_through_the_death_of_both(daemon, containers) -> None:
    """What ended while nobody looked ended somehow."""
    pid = run(daemon, containers, "web", TICK)
    gone = run(daemon, containers, "gone", TICK)
    kill_keeper(pid)
    daemon.kill()
    os.kill(gone, signal.SIGKILL)
    wait_until(lambda: not is_alive(gone), "it does not end")
    daemon.start()

    assert daemon.status("web")["pid"] == pid
    assert daemon.status("gone")["exit"] == "unknown"
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 9
    wait_until(lambda: os.listdir(f"{daemon.state}/state") == [], "something is left of a jail")


def test_a_terminal_carries_what_a_program_writes_to_it(daemon, containers) -> None:
    """It is made in the jail, and the keeper holds it."""
    run(daemon, containers, "web", "stty size; echo to the terminal; sleep 0.2; exit 6", terminal=True,
        consoleSize={"height": 33, "width": 77}, env=["PATH=/bin"])  # fmt: skip

    assert ends(daemon, "web") == 6
    assert [each.strip() for each in log_of(daemon, "web")] == ["77", "terminal"]


def test_a_jail_that_somebody_removes_has_ended(daemon, containers) -> None:
    """By jail -r: its processes are killed, and the keeper takes care of what is left."""
    if not containers.is_freebsd:
        pytest.skip("needs FreeBSD")
    kernel = FreeBSDKernel()
    pid = run(daemon, containers, "web", TICK)
    jid = next(each.jid for each in kernel.processes() if each.pid == pid)
    kernel.jail_remove(jid)

    wait_until(lambda: daemon.status("web")["phase"] == "idle", "its end is not told")
    assert daemon.status("web")["signal"] == 9
    wait_until(lambda: os.listdir(f"{daemon.state}/state") == [], "something is left of it")
    daemon.runjctl("start", "web")
    assert daemon.status("web")["phase"] == "running"


def test_what_cannot_be_made_is_told_and_leaves_nothing(daemon, containers) -> None:
    """A program that is not there; the next attempt begins anew."""
    bundle = containers.bundle(containers.config("exit 0", args=["/bin/nosuch"]))
    failed = daemon.runjctl("run", "--detach", "--name", "web", bundle, ok=False)

    assert failed.returncode != 0
    assert b"/bin/nosuch" in failed.stderr
    assert os.listdir(f"{daemon.state}/state") == []


def test_an_upgrade_leaves_the_jails_alone(daemon, containers) -> None:
    """The same processes run on, daemon and keeper among them; output goes on, and the end of a jail is known."""
    pid = run(daemon, containers, "web", TICK)
    seen = look(pid)
    assert seen is not None
    first = daemon.pid

    daemon.upgrade()

    after = look(pid)
    assert after is not None
    assert (daemon.status("web")["pid"], after.parent, daemon.pid) == (pid, seen.parent, first)
    count = len(log_of(daemon, "web"))
    wait_until(lambda: len(log_of(daemon, "web")) > count, "its output is not read any more")
    daemon.runjctl("stop", "web")
    assert daemon.status("web")["exit"] == 9
    numbers = [int(word) for word in log_of(daemon, "web")]
    assert numbers == list(range(1, len(numbers) + 1))
