"""What real jails use, and what killed them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from runjd.container.operations import Operations
from runjd.protocols.control.reply import Record, parse_reply
from runjd.runtime.choose import RUNTIMES
from tests.functional.daemon import Daemon, wait_until
from tests.functional.isolated import Isolated


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    """Return a daemon whose jails are isolated."""
    made = Isolated()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def stats(daemon: Daemon) -> dict[str, dict[str, str]]:
    """Return the answer of STATS by jail."""
    lines = [parse_reply(line) for line in daemon.runjctl("raw", "stats").stdout.decode().splitlines()]
    return {line.fields["jail"]: dict(line.fields) for line in lines if isinstance(line, Record)}


def test_a_busy_jail_and_an_idle_one(daemon: Daemon) -> None:
    """The time of the busy one grows, and so does what it wrote; the idle one has a process and some memory."""
    daemon.runjctl("run", "-d", daemon.shell("busy", "while :; do echo hello; done"))
    daemon.runjctl("run", "-d", daemon.shell("idle", "sleep 1000; :"))
    first = stats(daemon)["busy"]

    def has_grown() -> bool:
        now = stats(daemon)["busy"]
        return float(now["cpu"]) > float(first["cpu"]) and int(now["log"]) > int(first["log"])

    wait_until(has_grown, "the busy jail does nothing")
    wait_until(lambda: stats(daemon)["idle"]["procs"] == "2", "the idle jail has no two processes")
    idle = stats(daemon)["idle"]
    assert int(idle["mem"]) > 100_000
    assert idle["log"] == "0"


@pytest.mark.root
def test_an_exec_process_counts(isolated: Isolated) -> None:
    """It is in the pid namespace of the jail, though no descendant of its first process."""
    isolated.runjctl("run", "-d", isolated.bundle("web", ["/bin/sleep", "1000"]))
    assert stats(isolated)["web"]["procs"] == "1"

    isolated.runjctl("exec", "-d", "web", "--", "/bin/sleep", "1000")

    assert stats(isolated)["web"]["procs"] == "2"


@pytest.mark.root
def test_who_ran_out_of_memory(isolated: Isolated) -> None:
    """A jail that the kernel killed for its limit says so; one that somebody killed does not."""
    script = 'x=x; while :; do x="$x$x"; done'
    for name, words in (("hog", ["/bin/sh", "-c", script]), ("calm", ["/bin/sleep", "1000"])):
        path = isolated.bundle(name, words) + "/config.json"
        with open(path, encoding="utf-8") as file:
            config = json.load(file)
        config["linux"]["resources"] = {"memory": {"limit": 16 << 20}}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(config, file)
        isolated.runjctl("run", "-d", path.removesuffix("/config.json"))
    assert int(stats(isolated)["calm"]["mem"]) < 16 << 20
    isolated.runjctl("kill", "-s", "KILL", "calm")

    wait_until(lambda: isolated.status("hog")["status"] == "stopped", "the hog lives")
    wait_until(lambda: isolated.status("calm")["status"] == "stopped", "the other one lives")
    assert (isolated.status("hog")["signal"], isolated.status("hog")["oom"]) == (9, "yes")
    assert (isolated.status("calm")["signal"], isolated.status("calm")["oom"]) == (9, "no")


@pytest.mark.root
def test_a_jail_that_somebody_paused_says_so(isolated: Isolated) -> None:
    """In what it uses, and in its status in detail, until it is resumed."""
    isolated.runjctl("run", "-d", isolated.bundle("web", ["/bin/sleep", "1000"]))
    operations = Operations(f"{isolated.state}/state", RUNTIMES, time.time)

    operations.pause("web")
    try:
        assert stats(isolated)["web"]["paused"] == "yes"
        assert b"running, paused, ready" in isolated.runjctl("status", "web").stdout
    finally:
        operations.resume("web")

    assert "paused" not in stats(isolated)["web"]
