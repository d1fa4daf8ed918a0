"""What a program finds at the terminal of a jail, and what comes out of it."""

from __future__ import annotations

import socket
import sys
import time
from typing import Self

import pytest

from runjd.protocols.attach import format_frame, format_frames
from tests.functional.daemon import PATIENCE, Daemon
from tests.functional.test_reading_back import connect, read_line


class Terminal:
    """A jail with a terminal, and a connection that shows it from its first byte on."""

    def __init__(self, daemon: Daemon, name: str, script: str) -> None:
        bundle = daemon.bundle(
            name, ["/bin/sh", "-c", script], terminal=True, env=["PS1=ready> ", "PATH=/bin:/usr/bin"]
        )
        self._daemon = daemon
        self._name = name
        self.connection: socket.socket = connect(daemon)
        self.connection.sendall(f"run {name} {bundle} mode=raw rows=24 cols=80\n".encode())
        answer = read_line(self.connection)
        assert answer.startswith(b"+ "), answer
        self.seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self._daemon.runjctl("delete", "-f", self._name)

    def type(self, data: bytes) -> None:
        """Type."""
        self.connection.sendall(data)

    def look_for(self, text: bytes) -> bytes:
        """Wait until it is there; return what was before it, and forget both."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} does not come; seen: {self.seen!r}"
            data = self.connection.recv(65536)
            assert data, f"{text!r} does not come; seen: {self.seen!r}"
            self.seen += data
        before, _, self.seen = self.seen.partition(text)
        return before

    def rest(self) -> bytes:
        """Return all that comes until the connection ends."""
        while data := self.connection.recv(65536):
            self.seen += data
        return self.seen


def test_all_bytes_pass_in_both_directions(daemon: Daemon) -> None:
    """A terminal in raw mode changes none of them, also where they are split."""
    every = bytes(range(256)) * 40
    with Terminal(daemon, "bytes", "stty raw -echo; echo ready; exec cat") as terminal:
        terminal.look_for(b"ready\n")
        for start in range(0, len(every), 999):
            terminal.type(every[start : start + 999])
        while len(terminal.seen) < len(every):
            terminal.seen += terminal.connection.recv(65536)
        assert terminal.seen == every


def test_jobs_are_stopped_and_brought_back(daemon: Daemon) -> None:
    """^Z stops what is in the foreground, fg brings it back, ^C ends it: the shell controls its terminal."""
    with Terminal(daemon, "jobs", "exec sh -i") as terminal:
        terminal.look_for(b"ready> ")
        terminal.type(b"sleep 1000\r")
        terminal.look_for(b"sleep 1000\r\n")
        time.sleep(0.2)
        terminal.type(b"\x1a")
        terminal.look_for(b"Stopped")
        terminal.look_for(b"ready> ")
        terminal.type(b"fg\r")
        terminal.look_for(b"sleep 1000\r\n")
        time.sleep(0.2)
        terminal.type(b"\x03")
        terminal.look_for(b"ready> ")
        terminal.type(b"echo status $?\r")
        terminal.look_for(b"status 130\r\n")


def test_the_size_is_there_from_the_start_and_changes_are_told(daemon: Daemon) -> None:
    """The program reads the size that was asked for, and gets SIGWINCH with the next one."""
    script = "stty size; trap 'stty size; exit' WINCH; while :; do sleep 0.05; done"
    with Terminal(daemon, "sized", script) as terminal:
        terminal.look_for(b"24 80\r\n")
        daemon.runjctl("resize", "sized", "50", "132")
        terminal.look_for(b"50 132\r\n")


@pytest.mark.skipif(sys.platform != "linux", reason="a mode of Linux's terminals")
def test_erasing_takes_a_whole_character(daemon: Daemon) -> None:
    """One stroke of the key removes all bytes of a letter of UTF-8, as at the terminal of a person."""
    with Terminal(daemon, "letters", 'echo ready; stty -echo; while read line; do echo "<$line>"; done') as terminal:
        terminal.look_for(b"ready\r\n")
        time.sleep(0.2)
        terminal.type("caf\u00e9\u20ac".encode() + b"\x7f\x7f\r")
        terminal.look_for(b"<caf>\r\n")


def test_the_end_of_input_is_a_character(daemon: Daemon) -> None:
    """^D ends what reads, and not the terminal; the half-close of a viewer ends neither."""
    with Terminal(daemon, "ends", "stty -echo; cat >/dev/null; echo first; cat >/dev/null; echo second") as terminal:
        time.sleep(0.2)
        terminal.type(b"text\n\x04")
        terminal.look_for(b"first\r\n")
        with connect(daemon) as viewer:
            viewer.sendall(b"attach ends input=share mode=frame\n")
            read_line(viewer)
            viewer.sendall(format_frame("I"))
            terminal.look_for(b"second\r\n")
        assert terminal.rest() == b""


def test_the_output_of_the_last_moment_is_not_lost(daemon: Daemon) -> None:
    """What a program writes right before it ends is shown and logged, as much as a terminal takes at once."""
    script = "stty -opost; printf '%04000d' 0; printf last"
    for _ in range(20):
        with Terminal(daemon, "last", script) as terminal:
            assert terminal.rest() == b"0" * 4000 + b"last"
            shown = daemon.runjctl("logs", "last").stdout
    assert shown.count(b"0" * 4000 + b"last") == 20


def test_a_shell_of_an_exec_is_hung_up_with_its_viewer(daemon: Daemon) -> None:
    """It gets SIGHUP, as at the end of a terminal line; what it does then is its own affair."""
    daemon.runjctl("run", "-d", daemon.shell("host", "exec sleep 1000"))
    mark = f"{daemon.directory}/hung-up"
    script = f"trap 'echo hup >{mark}; exit' HUP; echo ready; while :; do sleep 0.05; done"
    with connect(daemon) as viewer:
        viewer.sendall(f'exec host tty=yes -- /bin/sh -c "{script}"\n'.encode())
        read_line(viewer)
        assert viewer.recv(100) == b"ready\r\n"
    deadline = time.monotonic() + PATIENCE
    while b"1" not in daemon.runjctl("exec", "host", "/bin/sh", "-c", f"test -s {mark} && echo 1; true").stdout:
        assert time.monotonic() < deadline, "it was not hung up"
    daemon.runjctl("delete", "-f", "host")


def test_a_large_input_in_frames_arrives_whole(daemon: Daemon) -> None:
    """More than any buffer between holds, and its end behind it."""
    daemon.runjctl("run", "-d", daemon.shell("counts", "exec sleep 1000"))
    data = bytes(range(256)) * 8192
    with connect(daemon) as viewer:
        viewer.sendall(b"exec counts stdin=yes mode=frame -- cksum\n")
        read_line(viewer)
        for frame in [*format_frames("I", data), format_frame("I")]:
            viewer.sendall(frame)
        told = b""
        while more := viewer.recv(4096):
            told += more
    assert f" {len(data)}\n".encode() in told
    assert told.endswith(b"X 6\nexit=0")
    daemon.runjctl("delete", "-f", "counts")
