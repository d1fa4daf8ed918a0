"""The daemon stands still for a while, and goes on; and processes that end at once, many of them."""

from __future__ import annotations

import os
import signal
import time

from runjd.kernel.process import look
from runjd.protocols.control.reply import Success
from tests.functional.daemon import Daemon, wait_until
from tests.soak.asking import Connection

_COUNT = "i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo $i; done; exit 4"


def _zombies(parent: int) -> list[int]:
    """Return the children of a process that nobody has reaped."""
    with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
        children = [int(each) for each in file.read().split()]
    seen = [look(pid) for pid in children]
    return [each.pid for each in seen if each is not None and not each.alive]


def _descriptors(*pids: int) -> list[int]:
    return [len(os.listdir(f"/proc/{pid}/fd")) for pid in pids]


def test_a_daemon_that_was_stopped_takes_up_everything_where_it_was(daemon: Daemon) -> None:
    """Who writes more than a pipe holds waits; whoever ended is told once, and what is due is done once."""
    daemon.runjctl("run", "--detach", "--name", "flood", daemon.shell("flood", _COUNT.format(count=40000)))
    again = daemon.shell("again", "sleep 0.3; exit 3")
    daemon.runjctl("run", "--detach", "--restart", "always", "--name", "again", again)

    os.kill(daemon.pid, signal.SIGSTOP)
    time.sleep(3)
    began = time.monotonic()
    os.kill(daemon.pid, signal.SIGCONT)

    wait_until(lambda: daemon.status("flood")["phase"] == "idle", "its end is not dealt with")
    assert daemon.status("flood")["exit"] == 4
    with open(f"{daemon.logs}/flood.log", encoding="ascii") as file:
        assert [int(line.split()[-1]) for line in file] == list(range(1, 40001))
    # with a first delay of 0.1 s that doubles there is no room for a storm
    assert int(str(daemon.status("again")["restarts"])) <= 4 + (time.monotonic() - began) / 0.4
    daemon.runjctl("delete", "--force", "again")


def test_many_processes_that_end_at_once_leave_nothing(daemon: Daemon) -> None:
    """Each is told, with its status; none stays a zombie, and no descriptor stays open."""
    daemon.runjctl(
        "run", "--detach", "--name", "web", daemon.shell("web", "trap 'exit 0' TERM; while :; do sleep 1; done")
    )
    with Connection(daemon.path) as connection:
        for _ in range(30):  # what daemon and keeper do for the first ones stays
            assert isinstance(connection.ask("exec web detach=yes -- /bin/true")[0], Success)
        wait_until(lambda: not _zombies(daemon.keeper()), "zombies stay")
        before = _descriptors(daemon.pid, daemon.keeper())

        for number in range(100):
            end, _ = connection.ask(f'exec web detach=yes -- /bin/sh -c "exit {number}"')
            assert isinstance(end, Success), end
            end, _ = connection.ask(f"wait web exec={end.fields['exec']}")
            assert isinstance(end, Success), end
            assert end.fields["exit"] == str(number)
        # those to workers that wait for the next job come and go
        wait_until(
            lambda: all(
                now <= then + 8 for now, then in zip(_descriptors(daemon.pid, daemon.keeper()), before, strict=True)
            ),
            "descriptors stay open",
        )
        wait_until(lambda: not _zombies(daemon.keeper()), "zombies stay")
    daemon.runjctl("delete", "--force", "web")
