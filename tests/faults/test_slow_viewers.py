"""Viewers who do not read, read a byte a second, or vanish (torture 13, 14, 16, 42, 43)."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from runjd.protocols.attach import FrameReader, parse_named
from tests.functional.daemon import PATIENCE, Daemon, wait_until
from tests.functional.test_reading_back import connect, read_line

MIB = 1 << 20


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """Return a daemon for all tests of the module."""
    made = Daemon()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def attach(daemon: Daemon, request: str) -> socket.socket:
    """Return a connection that became a stream."""
    connection = connect(daemon)
    connection.sendall(request.encode() + b"\n")
    assert read_line(connection).startswith(b"+ ")
    return connection


def memory(pid: int) -> int:
    """Return the resident memory of a process in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS:"))


def test_a_hundred_viewers_who_do_not_read(daemon: Daemon) -> None:
    """The jail writes as fast as ever, memory is bounded, others are answered at once, and the gap is told."""
    size = 64 * MIB
    daemon.runjctl("run", "-di", daemon.shell("flood", f"read go; head -c {size} /dev/zero; exec sleep 1000"))
    viewers = [attach(daemon, "attach flood mode=frame") for _ in range(100)]
    try:
        slow = viewers[1]
        before = memory(daemon.pid)
        viewers[0].sendall(b"I 1\n\n")
        deadline = time.monotonic() + 60
        most, delays = before, []
        while int(daemon.runjctl("raw", "sessions", "flood").stdout.split(b" lost=")[-1].split()[0]) < size - MIB:
            assert time.monotonic() < deadline, "the viewers hold the jail up"
            began = time.monotonic()
            with connect(daemon) as other:
                other.sendall(b"ping\n")
                read_line(other)
            delays.append(time.monotonic() - began)
            most = max(most, memory(daemon.pid))
            slow.recv(1)

        assert most - before < 64 * MIB
        assert sorted(delays)[len(delays) // 2] < 0.25
        frames, shown, lost = FrameReader(), 0, 0
        while shown + lost < size:
            for frame in frames.feed(viewers[2].recv(65536)):
                shown += len(frame.data) if frame.kind == "O" else 0
                lost += int(parse_named(frame.data)["lost"]) if frame.kind == "G" else 0
        assert shown + lost == size
    finally:
        for each in viewers:
            each.close()
        daemon.runjctl("delete", "-f", "flood")


def test_a_subscriber_that_is_stopped(daemon: Daemon) -> None:
    """Ten thousand events later the daemon has kept little for it; it hears of a gap."""
    daemon.runjctl("run", "-d", daemon.shell("noisy", "exec sleep 1000"))
    path = f"{daemon.directory}/events"
    with open(path, "wb") as file, daemon.begin("--json", "events", stdout=file) as subscriber:
        wait_until(lambda: _events(path) or _signal(daemon, 1), "the subscriber hears nothing")
        subscriber.send_signal(signal.SIGSTOP)
        before = memory(daemon.pid)
        _signal(daemon, 10_000)
        assert memory(daemon.pid) - before < 8 * MIB
        subscriber.send_signal(signal.SIGCONT)

        wait_until(lambda: _events(path)[-1]["ev"] == "gap", "no gap is told")
        heard = _events(path)
        kills = [each for each in heard if each["ev"] == "kill"]
        assert heard[-1]["seq"] == kills[-1]["seq"] + int(str(heard[-1]["lost"]))
        assert 1000 < len(kills) < 10_000 < len(kills) + int(str(heard[-1]["lost"]))
    daemon.runjctl("delete", "-f", "noisy")


def test_clients_who_vanish_leave_nothing(daemon: Daemon) -> None:
    """In the middle of a frame, of an exec and of a follow: the sessions are gone, and the exec on a terminal, too."""
    daemon.runjctl("run", "-d", daemon.shell("lasting", "exec sleep 1000"))
    descriptors = len(_descriptors(daemon))
    for request in ("attach lasting mode=frame", "exec lasting tty=yes mode=frame -- sleep 1000"):
        connection = attach(daemon, request)
        connection.sendall(b"I 1000\nhalf")
        connection.close()
    with connect(daemon) as connection:
        connection.sendall(b"1 log lasting follow=yes\n")

    wait_until(lambda: b"+ n=0" in daemon.runjctl("raw", "sessions").stdout, "sessions are left")
    wait_until(lambda: len(_descriptors(daemon)) <= descriptors, "descriptors are left")
    assert daemon.status("lasting")["status"] == "running"
    daemon.runjctl("delete", "-f", "lasting")


def test_a_restart_ends_the_sessions(daemon: Daemon) -> None:
    """Whoever was attached is told how the program ended, and is not attached to the next one."""
    daemon.runjctl("run", "-d", daemon.shell("again", "exec sleep 1000"))
    with attach(daemon, "attach again mode=frame") as connection:
        daemon.runjctl("restart", "again")
        told = b""
        while data := connection.recv(4096):
            told += data
    assert told == b"X 9\nsignal=15"
    assert b"+ n=0" in daemon.runjctl("raw", "sessions", "again").stdout
    daemon.runjctl("delete", "-f", "again")


def test_a_storm_of_sizes(daemon: Daemon) -> None:
    """A thousand sizes in one go are few changes, the last one counts, and one that is none ends the session."""
    script = "n=0; trap 'n=$((n+1))' WINCH; echo ready; while :; do read line; stty size; echo $n changes; done"
    bundle = daemon.bundle("sizes", ["/bin/sh", "-c", script], terminal=True)
    daemon.runjctl("run", "-d", bundle)
    with attach(daemon, "attach sizes rows=10 cols=10 mode=frame lines=5") as connection:
        storm = b"".join(b"W 6\n%2d 100" % (10 + n % 90) for n in range(1000)) + b"W 5\n50 70I 1\n\n"
        connection.sendall(storm)
        seen = b""
        while not (told := re.search(rb"50 70.*?(\d+) changes", seen, re.DOTALL)):  # a change interrupts what reads
            seen += connection.recv(4096)
        assert int(told[1]) < 100
        connection.sendall(b"W 3\n0 0")
        deadline = time.monotonic() + PATIENCE
        while connection.recv(4096):
            assert time.monotonic() < deadline
    assert daemon.status("sizes")["status"] == "running"
    daemon.runjctl("delete", "-f", "sizes")


def _descriptors(daemon: Daemon) -> list[str]:
    return os.listdir(f"/proc/{daemon.pid}/fd")


def _signal(daemon: Daemon, count: int) -> None:
    """Make so many events: a signal that nobody minds."""
    with connect(daemon) as connection:
        for begin in range(0, count, 50):
            some = min(50, count - begin)
            connection.sendall(b"kill noisy URG\n" * some)
            for _ in range(some):
                assert read_line(connection).startswith(b"+")


def _events(path: str) -> list[dict[str, Any]]:
    """Return the events that a subscriber has written down."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file.read().splitlines(keepends=True) if line.endswith("\n")]
