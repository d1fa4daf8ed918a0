"""What takes long says so: on a terminal meanwhile, and a program that does not heed its signal in any case."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon, wait_until
from tests.functional.person import Person

DEAF = "trap '' TERM; echo up; while :; do sleep 0.1; done"
KILLED = b"was killed, as SIGTERM did not end it within 2.5 s; another stop.signal"


@pytest.fixture
def deaf(daemon: Daemon) -> Iterator[str]:
    """Return the id of a jail that does not heed SIGTERM."""
    daemon.runjctl("run", "-d", "--name", "deaf", daemon.shell("deaf", DEAF))
    wait_until(lambda: b"up" in daemon.runjctl("logs", "deaf").stdout, "it does not come up")
    yield "deaf"
    daemon.runjctl("delete", "--force", "deaf")


def test_a_person_is_told_what_is_waited_for(daemon: Daemon, deaf: str, person: Person) -> None:
    """Why it takes long, while it does; that line is wiped, and what came of it stays."""
    with person.run(daemon, "stop", "--timeout", "2.5", deaf) as child:
        person.look_for(b"stopping deaf (1s): SIGTERM was sent, and it is killed 2.5 s later")
        person.look_for(b"\r\x1b[K")
        person.look_for(KILLED)
        assert child.wait(PATIENCE) == 0


def test_a_script_sees_the_result_only(daemon: Daemon, deaf: str) -> None:
    """Nothing is shown meanwhile, and no byte for terminals."""
    stopped = daemon.runjctl("stop", "--timeout", "2.5", deaf)

    assert (stopped.stdout, stopped.stderr.count(b"\n"), KILLED in stopped.stderr) == (b"", 1, True)
    assert b"\x1b" not in stopped.stderr


def test_who_restarts_it_is_told_as_well(daemon: Daemon, deaf: str) -> None:
    """The restart took all of that time."""
    assert KILLED in daemon.runjctl("restart", "--timeout", "2.5", deaf).stderr


def test_a_program_reads_it(daemon: Daemon, deaf: str) -> None:
    """In JSON it is a member of the answer, and standard error is empty."""
    stopped = daemon.runjctl("stop", "--json", "--timeout", "2.5", deaf)

    assert KILLED.decode() in json.loads(stopped.stdout)["notice"]
    assert stopped.stderr == b""


def test_who_wants_no_patience_is_told_nothing(daemon: Daemon, deaf: str) -> None:
    """With --timeout 0 it was to be killed; and one that ends by its signal is as it should be."""
    assert daemon.runjctl("stop", "--timeout", "0", deaf).stderr == b""
    daemon.runjctl("run", "-d", "--name", "meek", daemon.bundle("meek", ["/bin/sleep", "100"]))
    assert daemon.runjctl("stop", "meek").stderr == b""
