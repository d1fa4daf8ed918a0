"""What a jail wrote, read back from a real daemon while it writes."""

from __future__ import annotations

import re
import socket

from tests.functional.daemon import PATIENCE, Daemon, wait_until


def connect(daemon: Daemon) -> socket.socket:
    """Return a connection that was greeted."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(daemon.path)
    read_line(connection)
    return connection


def read_line(connection: socket.socket) -> bytes:
    """Return one line, and read nothing behind it."""
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        assert byte, "the daemon closed the connection"
        line += byte
    return line


def test_scrollback_and_what_follows_are_one(daemon: Daemon) -> None:
    """However busy the jail is, its last lines and what it writes from then on join without a gap and a double."""
    script = "n=0; while :; do n=$((n+1)); echo $n; done"
    daemon.runjctl("run", "-d", daemon.shell("count", script))
    try:
        for _ in range(10):
            with connect(daemon) as connection:
                connection.sendall(b"attach count lines=200\n")
                assert read_line(connection).startswith(b"+ jail=count ")
                seen = b""
                while seen.count(b"\n") < 3000:
                    seen += connection.recv(65536)
            numbers = [int(number) for number in seen.split(b"\n")[:-1]]
            first = numbers[0]
            assert numbers == list(range(first, first + len(numbers)))
    finally:
        daemon.runjctl("delete", "-f", "count")


def test_the_last_words_are_in_the_log_when_the_exit_is_told(daemon: Daemon) -> None:
    """1 MiB and then _exit: whoever waits for the end and then reads the log finds all of it (torture 21)."""
    script = "head -c 1048576 /dev/zero | tr '\\0' x | fold -w 64; printf 'last words'"
    for number in range(3):
        daemon.runjctl("run", "-d", "--name", "words", daemon.shell(f"words{number}", f"sleep 0.1; {script}"))
        daemon.runjctl("wait", "words")
        read = daemon.runjctl("logs", "words").stdout
        daemon.runjctl("delete", "words")
        assert read.rstrip(b"\n").endswith(b"last words")
        assert read.count(b"x") == (number + 1) * 1048576


def test_following_a_jail_by_time_and_stream(daemon: Daemon) -> None:
    """A follow shows what is written from a time on, of one stream."""
    script = "echo old; echo old >&2; sleep 1.2; while :; do echo out; echo err >&2; sleep 0.1; done"
    daemon.runjctl("run", "-d", daemon.shell("times", script))
    try:
        wait_until(lambda: b"err" in daemon.runjctl("logs", "times").stdout, "nothing is written")
        with daemon.begin("logs", "-f", "--since", "1s", "--stream", "err", "times", stdout=-1) as child:
            assert child.read(8) == b"err\nerr\n"
            child.terminate()
            child.wait(PATIENCE)
        assert daemon.runjctl("logs", "-n", "1", "--until", "1h", "times").stdout == b""
        shown = daemon.runjctl("logs", "-t", "-n", "1", "times").stdout
        assert re.fullmatch(rb"\d{4}-\d\d-\d\dT[\d:.]+Z (out out|err err)\n", shown)
    finally:
        daemon.runjctl("delete", "-f", "times")
