"""Terminals of containers: the console socket, the caller's terminal, and what does not fit."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from tests.container.jails import PATIENCE, read_until
from tests.functional.runj.command import Runj

_SCRIPT = ["sh", "-c", "tty; stty size; exec sleep 60"]


class Listener:
    """Who waits for terminals on a console socket."""

    def __init__(self, directory: str) -> None:
        self.path = f"{directory}/console"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen()
        self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def receive(self) -> tuple[str, int]:
        """Return name and master of the next terminal: one message with one descriptor, and nothing after it."""
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(PATIENCE)
            name, fds, _, _ = socket.recv_fds(connection, 4096, 4)
            assert connection.recv(1) == b""
        assert len(fds) == 1
        return name.decode(), fds[0]


@pytest.fixture
def listener(private_dir: str) -> Iterator[Listener]:
    """Return somebody who listens."""
    made = Listener(private_dir)
    yield made
    made.close()


def test_a_detached_run_sends_its_terminal(runj: Runj, listener: Listener) -> None:
    """The program has it, with the size that the bundle asks for."""
    size = {"consoleSize": {"height": 33, "width": 111}}
    bundle = runj.bundle(_SCRIPT, terminal=True, process=size)

    runj.ok("run", "--detach", "--console-socket", listener.path, "-b", bundle, "web")

    name, master = listener.receive()
    assert f"{name}\r\n" in read_until(master, "33 111\r\n")
    os.close(master)


def test_a_created_container_has_its_size_too(runj: Runj, listener: Listener) -> None:
    """The terminal is sent before create returns, and the program finds it at its start."""
    size = {"consoleSize": {"height": 7, "width": 9}}
    bundle = runj.bundle(_SCRIPT, terminal=True, process=size)

    runj.ok("create", f"--console-socket={listener.path}", "-b", bundle, "web")
    _, master = listener.receive()
    runj.ok("start", "web")

    read_until(master, "7 9\r\n")
    os.close(master)


@pytest.mark.parametrize("words", [("-t", "web", "sh", "-c", "tty; exec sleep 60"), ("-p", "{file}", "web")])
def test_a_detached_exec_sends_its_terminal(runj: Runj, listener: Listener, words: tuple[str, ...]) -> None:
    """By --tty or by process.terminal of the file, as conmon does."""
    file = f"{runj.directory}/process.json"
    with open(file, "w") as written:
        process = {"terminal": True, "args": _SCRIPT, "cwd": "/", "env": ["PATH=/bin:/usr/bin"]}
        json.dump(process | {"consoleSize": {"height": 5, "width": 6}}, written)
    runj.create("web", ["sleep", "60"])
    runj.ok("start", "web")

    runj.ok("exec", "-d", "--console-socket", listener.path, *(word.format(file=file) for word in words))

    name, master = listener.receive()
    shown = read_until(master, "\n" if words[0] == "-t" else "5 6\r\n")
    assert name in shown
    os.close(master)


def test_a_terminal_may_be_asked_for_beside_the_file(runj: Runj, listener: Listener) -> None:
    """--tty counts, whatever process.terminal says."""
    file = f"{runj.directory}/process.json"
    with open(file, "w") as written:
        json.dump({"terminal": False, "args": _SCRIPT, "cwd": "/", "env": ["PATH=/bin:/usr/bin"]}, written)
    runj.create("web", ["sleep", "60"])
    runj.ok("start", "web")

    runj.ok("exec", "-d", "-t", "--console-socket", listener.path, "-p", file, "web")

    name, master = listener.receive()
    assert name in read_until(master, "\n")
    os.close(master)


def test_what_does_not_fit_is_refused(runj: Runj, listener: Listener) -> None:
    """A terminal that nobody would have, and a socket that nothing would be sent to."""
    with_terminal, without = runj.bundle(["true"], terminal=True), runj.bundle(["sleep", "60"])
    socket_words = ("--console-socket", listener.path)

    assert "to detach from it, give a console socket" in runj.fails("run", "-d", "-b", with_terminal, "db")
    assert "give a console socket (--console-socket)" in runj.fails("create", "-b", with_terminal, "db")
    for verb in (["create"], ["run"], ["run", "-d"]):
        message = runj.fails(*verb, *socket_words, "-b", without, "db")
        assert message == "a console socket was given, but process.terminal is not true"
    runj.create("web", ["sleep", "60"])
    runj.ok("start", "web")
    assert "needs --console-socket" in runj.fails("exec", "-d", "-t", "web", "true")
    assert "process.terminal is not true" in runj.fails("exec", "-d", *socket_words, "web", "true")
    assert runj.ok("list", "-q") == "web\n"


@pytest.mark.parametrize("kind", ["nobody", "file", "missing", "stale", "directory"])
def test_a_socket_that_cannot_be_reached_is_told(runj: Runj, kind: str) -> None:
    """Before there is a container."""
    path = f"{runj.directory}/console"
    if kind == "nobody":
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path)
    elif kind == "file":
        with open(path, "w"):
            pass
    elif kind == "stale":
        os.symlink("nowhere", path)
    elif kind == "directory":
        os.mkdir(path)

    message = runj.fails("create", "-b", runj.bundle(["true"], terminal=True), "--console-socket", path, "web")

    reason = "no such file or directory" if kind in ("missing", "stale") else "connection refused"
    assert message == f"connect to the console socket {path}: {reason}"
    assert runj.ok("list", "-q") == ""
