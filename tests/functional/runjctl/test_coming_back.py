"""Who is connected to a program, or follows something, comes back to the next daemon by itself."""

from __future__ import annotations

import subprocess

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.person import Person

_ECHO = 'echo ready; while read line; do echo "got $line"; [ "$line" = end ] && exit 5; done'


@pytest.fixture
def daemon(own_daemon: Daemon) -> Daemon:
    """Return a daemon that each test may kill."""
    return own_daemon


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_terminal_comes_back(daemon: Daemon, person: Person, how: str) -> None:
    """However the daemon went: the person reads what happened, goes on typing, and gets the exit status."""
    bundle = daemon.shell("box", _ECHO, terminal=True)
    program = person.run(daemon, "run", "-it", "--name", "box", bundle)
    with program:
        person.look_for(b"ready")
        person.type(b"one\r")
        person.look_for(b"got one")

        if how == "killed":
            daemon.kill()
        else:
            daemon.end()
        person.look_for(b"the daemon is gone; waiting for the next one")
        daemon.start()

        person.look_for(b"connected again; what box wrote meanwhile is in its log")
        person.type(b"two\r")
        person.look_for(b"got two")
        person.type(b"end\r")
        assert program.wait(10) == 5


def test_pipes_come_back(daemon: Daemon) -> None:
    """Without a terminal, too: what comes is written on, and the status is that of the program."""
    with daemon.begin(
        "run", "-i", "--name", "web", daemon.shell("web", _ECHO), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.read_line() == b"ready\n"
        daemon.kill()
        daemon.start()
        wait_until(lambda: b"run" in daemon.runjctl("sessions").stdout or _is_attached(daemon), "it does not come back")

        program.send_line(b"end")

        assert program.read_line() == b"got end\n"
        assert program.wait(10) == 5


def test_a_program_of_exec_on_a_terminal_comes_back(daemon: Daemon, person: Person) -> None:
    """It is not hung up, and its status is passed on."""
    daemon.runjctl("run", "-d", "--name", "web", daemon.shell("web", "exec sleep 1000"))
    with person.run(daemon, "exec", "-it", "web", "--", "/bin/sh", "-c", _ECHO) as program:
        person.look_for(b"ready")
        daemon.kill()
        daemon.start()
        person.look_for(b"connected again")

        person.type(b"end\r")

        person.look_for(b"got end")
        assert program.wait(10) == 5


def test_who_comes_back_too_late_gets_the_status(daemon: Daemon) -> None:
    """The program ended while no daemon was there."""
    go = f"{daemon.directory}/go"
    script = f"echo ready; while [ ! -e {go} ]; do sleep 0.05; done; exit 6"
    with daemon.begin("run", "--name", "web", daemon.shell("web", script), stdout=subprocess.PIPE) as program:
        assert program.read_line() == b"ready\n"
        daemon.kill()
        open(go, "w").close()
        daemon.start()

        assert program.wait(20) == 6


def _is_attached(daemon: Daemon) -> bool:
    return b"attach" in daemon.runjctl("sessions").stdout


@pytest.mark.parametrize("how", ["killed", "ended"])
def test_a_log_is_followed_on(daemon: Daemon, how: str) -> None:
    """Each line is shown once, also those that were written while no daemon was there."""
    script = "n=0; while [ $n -lt 150 ]; do n=$((n+1)); echo $n; sleep 0.02; done; exec sleep 1000"
    daemon.runjctl("run", "-d", "--name", "web", daemon.shell("web", script))
    with daemon.begin("logs", "-f", "web", stdout=subprocess.PIPE) as program:
        seen = [program.read_line() for _ in range(20)]
        if how == "killed":
            daemon.kill()
        else:
            daemon.end()
        daemon.start()
        while seen[-1] != b"150\n":
            seen.append(program.read_line())

    numbers = [int(line) for line in seen]
    assert len(set(numbers)) == len(numbers), "shown twice"
    if how == "ended":
        assert numbers == list(range(1, 151))
    else:  # what had been read and not yet written died with the daemon
        assert numbers == sorted(numbers)


def test_events_are_followed_on(daemon: Daemon) -> None:
    """Those of the next daemon come behind those of the last."""
    with daemon.begin("events", "--type", "defined", "--json", stdout=subprocess.PIPE) as program:
        bundle = daemon.shell("web", "exec sleep 1000")
        wait_until(lambda: _shows_events(daemon), "nobody subscribes")
        daemon.runjctl("run", "-d", "--name", "before", bundle)
        assert b'"before"' in program.read_line()
        daemon.end()
        daemon.start()
        daemon.runjctl("run", "-d", "--name", "behind", bundle)

        lines = b"".join(program.read_line() for _ in range(2))

        assert b'"behind"' in lines


def _shows_events(daemon: Daemon) -> bool:
    daemon.runjctl("ping")
    return True
