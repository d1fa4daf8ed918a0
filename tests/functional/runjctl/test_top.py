"""runjctl top and status, with a real daemon."""

from __future__ import annotations

import json
import os
import termios

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.person import Person


@pytest.fixture(scope="module")
def jails(daemon: Daemon) -> Daemon:
    """Return a daemon with a jail that writes, one that sleeps, and one that failed."""
    daemon.runjctl("run", "-d", daemon.shell("noisy", "while :; do echo hello; done"))
    daemon.runjctl("run", "-d", daemon.shell("quiet", "exec sleep 1000"))
    daemon.runjctl("run", "-d", "--restart", "on-failure:1", daemon.shell("broken", "exit 3"))
    wait_until(lambda: daemon.status("broken")["phase"] == "failed", "the broken one does not fail")
    return daemon


def test_one_table_for_scripts(jails: Daemon) -> None:
    """Who uses most comes first; those that do not run come last, with a dash."""
    text = jails.runjctl("top", "-b", "-n", "1", "-d", "0.5").stdout.decode()

    title, *rows = [line.split() for line in text.splitlines()]
    assert title == ["JAIL", "PHASE", "CPU%", "MEM", "PROCS", "READ/s", "WRITE/s", "LOG/s", "UP"]
    assert [row[0] for row in rows] == ["noisy", "quiet", "broken"]
    assert float(rows[0][2]) > 0
    assert rows[0][7].endswith(("B", "K", "M"))
    assert rows[2][2:4] == ["-", "-"]


def test_numbers_for_programs(jails: Daemon) -> None:
    """JSON, an array each time, of those that are named."""
    found = json.loads(jails.runjctl("top", "--json", "-n", "1", "-d", "0.2", "no*", "quiet").stdout)

    assert [each["jail"] for each in found] == ["noisy", "quiet"]
    assert found[0]["log"] > 0
    assert found[1]["processes"] == 1


@pytest.mark.parametrize("words", [("-d", "0"), ("-d", "x"), ("-n", "-1")])
def test_numbers_that_make_no_sense(jails: Daemon, words: tuple[str, str]) -> None:
    """Are refused, with the option's name."""
    done = jails.runjctl("top", "-b", *words, ok=False)

    assert done.returncode == 64
    assert b"must be a number" in done.stderr


def test_the_whole_screen(jails: Daemon, person: Person) -> None:
    """Keys sort, a change of the window is followed, q gives the screen back as it was."""
    with person.run(jails, "top", "-d", "0.2") as child:
        person.look_for(b"\x1b[?1049h")
        person.look_for(b"3 jails, 2 running")
        person.look_for(b"by cpu")
        person.type(b"n")
        person.look_for(b"broken")
        person.look_for(b"by name")
        termios.tcsetwinsize(person.slave, (4, 40))
        os.kill(child.pid, 28)
        person.look_for(b"2 more")
        person.type(b"q")
        person.look_for(b"\x1b[?1049l")
        assert child.wait(10) == 0
    assert person.modes() == person.before


def test_interrupting_gives_the_screen_back(jails: Daemon, person: Person) -> None:
    """^C is a key like q; SIGTERM ends it by the signal."""
    with person.run(jails, "top", "-d", "0.2") as child:
        person.look_for(b"by cpu")
        person.type(b"\x03")
        person.look_for(b"\x1b[?1049l")
        assert child.wait(10) == 0
    with person.run(jails, "top", "-d", "0.2") as child:
        person.look_for(b"by cpu")
        child.terminate()
        person.look_for(b"\x1b[?1049l")
        assert child.wait(10) == -15
    assert person.modes() == person.before


def test_only_those_that_failed(jails: Daemon) -> None:
    """status --failed has one line for each, and nothing where there are none."""
    assert [line.split()[0] for line in jails.runjctl("status", "--failed").stdout.decode().splitlines()] == [
        "JAIL",
        "broken",
    ]
    assert jails.runjctl("status", "--failed", "quiet").stdout == b""


def test_patterns_make_tables_and_a_name_makes_details(jails: Daemon) -> None:
    """Also where a pattern matches one jail, or none."""
    assert jails.runjctl("status", "q*").stdout.decode().split()[0] == "JAIL"
    assert jails.runjctl("status", "x*").stdout == b""
    found = jails.runjctl("status", "broken").stdout.decode()
    assert "last exit  status 3, at " in found
    assert "state      failed" in found


def test_a_daemon_that_dies_gives_the_screen_back(own_daemon: Daemon, person: Person) -> None:
    """And what happened is told below what was on the screen before."""
    with person.run(own_daemon, "top", "-d", "0.2") as child:
        person.look_for(b"0 jails")
        own_daemon.kill()
        person.look_for(b"\x1b[?1049l")
        person.look_for(b"closed the connection")
        assert child.wait(10) == 75
    assert person.modes() == person.before
    own_daemon.start()  # to end the keeper
