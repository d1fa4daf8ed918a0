"""A daemon that may have few descriptors (torture 1, 2, 17)."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator

import pytest

from runjd.policy.descriptors import share_out
from tests.functional.daemon import PATIENCE, Daemon
from tests.soak.slopes import memory

LIMIT = 150


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return a daemon that may have few descriptors."""
    made = Daemon(descriptors=LIMIT)
    try:
        made.start()
        yield made
    finally:
        made.remove()


def connect(daemon: Daemon) -> tuple[socket.socket, bytes]:
    """Return a connection, and what the daemon says first."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(daemon.path)
    return connection, connection.recv(8192)


def processor(pid: int) -> float:
    """Return the seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_what_finds_no_room_is_refused_and_nothing_else_suffers(daemon: Daemon) -> None:
    """LIMIT for each further jail and exec; those that run do so, the daemon answers, rests, and can be replaced."""
    room = share_out(LIMIT).processes
    bundle = daemon.shell("idle", "echo begun; exec sleep 1000")
    for number in range(room):
        daemon.runjctl("run", "-d", "--name", f"jail{number}", bundle)

    for arguments in (["run", "-d", "--json", "--name", "one-more", bundle], ["exec", "--json", "jail0", "true"]):
        refused = daemon.runjctl(*arguments, ok=False)
        assert json.loads(refused.stderr)["code"] == "LIMIT"

    assert [daemon.status(f"jail{number}")["status"] for number in range(room)] == ["running"] * room
    before = processor(daemon.pid)
    time.sleep(1.0)
    assert processor(daemon.pid) - before < 0.2
    daemon.kill()
    daemon.start()
    assert [daemon.status(f"jail{number}")["status"] for number in range(room)] == ["running"] * room
    daemon.runjctl("delete", "-f", "jail0")
    daemon.runjctl("run", "-d", "--name", "one-more", bundle)


def test_connections_take_nothing_of_the_jails(daemon: Daemon) -> None:
    """Idle ones with half a line are answered BUSY when there are enough, and a jail is started beside them."""
    share = (share_out(LIMIT).connections + 1) // 2
    held = [connect(daemon) for _ in range(share)]
    try:
        for connection, greeting in held:
            assert greeting.startswith(b"! 0 ev=hello ")
            connection.sendall(b"stat")
        further, answer = connect(daemon)
        further.close()
        assert answer.startswith(b"-? BUSY ")
        held.pop()[0].close()

        began = time.monotonic()
        daemon.runjctl("run", "-d", daemon.shell("beside", "exec sleep 1000"))
        assert time.monotonic() - began < 5
    finally:
        for connection, _ in held:
            connection.close()
    daemon.runjctl("delete", "-f", "beside")


def test_logs_that_are_followed_take_nothing_of_the_jails(daemon: Daemon) -> None:
    """One reader too many is refused; one that goes makes room."""
    readers = share_out(LIMIT).readers
    daemon.runjctl("run", "-d", daemon.shell("told", "echo begun; exec sleep 1000"))
    connection, _ = connect(daemon)
    for tag in range(1, readers + 2):
        connection.sendall(b"%d log told follow=yes\n" % tag)
    seen = b""
    while b" LIMIT " not in seen:
        seen += connection.recv(65536)
    assert seen.count(b" out begun\n") <= readers

    connection.close()
    deadline = time.monotonic() + PATIENCE
    while daemon.runjctl("logs", "told", ok=False).stdout != b"begun\n":
        assert time.monotonic() < deadline, "the readers of a lost connection are not closed"
    daemon.runjctl("delete", "-f", "told")


def memory_at_rest(daemon: Daemon) -> int:
    """Return how much memory the daemon has once all that follows its start is done."""
    deadline = time.monotonic() + PATIENCE
    before, now = -1, memory(daemon.pid)
    while now != before:
        assert time.monotonic() < deadline, "it takes more and more memory"
        time.sleep(0.5)
        before, now = now, memory(daemon.pid)
    return now


def test_idle_connections_cost_little(daemon: Daemon) -> None:
    """Each with half a line takes less than 20 KB and no time, and a new client is answered at once (torture 17)."""
    count = (share_out(LIMIT).connections + 1) // 2 - 4  # those that were closed may not be gone yet
    first, _ = connect(daemon)
    before = memory_at_rest(daemon)
    held = [connect(daemon)[0] for _ in range(count - 1)]
    try:
        for connection in held:
            connection.sendall(b"stat")
        used = processor(daemon.pid)
        time.sleep(1.0)
        assert processor(daemon.pid) - used < 0.2
        assert (memory(daemon.pid) - before) / len(held) < 20_000
        delays = []
        for _ in range(20):
            began = time.monotonic()
            further, greeting = connect(daemon)
            delays.append(time.monotonic() - began)
            further.close()
            assert greeting.startswith(b"! 0 ev=hello ")
        assert sorted(delays)[10] < 0.1
    finally:
        for connection in (first, *held):
            connection.close()
