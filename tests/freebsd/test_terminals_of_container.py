"""Terminals of containers: sent to a console socket, of the size that was asked for, of the jail itself."""

from __future__ import annotations

import json
import os
import select
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.freebsd.containers import PATIENCE

FOREVER = "while :; do sleep 1; done"


class Listener:
    """Who waits for terminals on a console socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(path)
        self._socket.listen()
        self._socket.settimeout(PATIENCE)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()
        os.unlink(self.path)

    def receive(self) -> int:
        """Return the master of the next terminal."""
        connection, _ = self._socket.accept()
        with connection:
            connection.settimeout(PATIENCE)
            # room for one more: FreeBSD hands over none where the room is used up to the brim
            _, fds, _, _ = socket.recv_fds(connection, 4096, 2)
        assert len(fds) == 1
        return fds[0]


@pytest.fixture
def listener(containers) -> Iterator[Listener]:
    """Return somebody who listens."""
    made = Listener(f"{containers.directory}/console")
    yield made
    made.close()


def read_until(master: int, words: str) -> str:
    """Return what a terminal shows up to some words, for a generous time."""
    shown = b""
    deadline = time.monotonic() + PATIENCE
    while words.encode() not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([master], [], [], 1)[0]:
            part = os.read(master, 4096)
            assert part, shown
            shown += part
    return shown.decode()


@pytest.fixture(params=["with devices", "without devices"])
def change(request: pytest.FixtureRequest, containers):
    """Return what gives a configuration a terminal, in a jail that has a devfs or has none."""

    def changed(config: dict[str, Any]) -> None:
        config["process"].update(terminal=True, consoleSize={"height": 33, "width": 111})
        if containers.is_freebsd and request.param == "with devices":
            config["mounts"] = [{"destination": "/dev", "type": "devfs", "source": "devfs", "options": ["ruleset=4"]}]

    return changed


def test_a_terminal_has_its_size_and_ends_lines_as_terminals_do(containers, listener, change) -> None:
    """It is sent before create returns; what the program writes comes out whole."""
    config = containers.config("stty size; echo done; exec sleep 1000")
    change(config)
    containers.ok("create", "--console-socket", listener.path, "--bundle", containers.bundle(config), "c")
    master = listener.receive()
    containers.ok("start", "c")
    shown = read_until(master, "done\r\n")
    os.close(master)
    containers.ok("delete", "--force", "c")

    assert shown == "33 111\r\ndone\r\n"


def test_what_is_typed_is_read(containers, listener, change) -> None:
    """And the keys that send signals do, as the terminal is the controlling one."""
    config = containers.config("trap 'echo interrupted; exit 0' INT; echo ready; read line; echo got $line; read line")
    change(config)
    containers.ok("run", "--detach", "--console-socket", listener.path, "--bundle", containers.bundle(config), "c")
    master = listener.receive()
    read_until(master, "ready\r\n")
    os.write(master, b"hello\n")
    read_until(master, "got hello\r\n")
    os.write(master, b"\x03")
    read_until(master, "interrupted\r\n")
    os.close(master)
    containers.becomes("c", "stopped")
    containers.ok("delete", "c")


def test_an_exec_may_have_a_terminal(containers, listener) -> None:
    """Detached, with the size that its file asks for."""
    containers.create("c", FOREVER)
    containers.ok("start", "c")
    file = f"{containers.directory}/process.json"
    process = {
        "terminal": True,
        "consoleSize": {"height": 5, "width": 6},
        "args": ["/bin/sh", "-c", "stty size; exec sleep 1000"],
        "cwd": "/",
        "env": ["PATH=/bin"],
    }
    with open(file, "w") as written:
        json.dump(process, written)
    containers.ok("exec", "--detach", "--console-socket", listener.path, "--process", file, "c")
    master = listener.receive()
    read_until(master, "5 6\r\n")
    os.close(master)
    containers.ok("delete", "--force", "c")


def test_an_exec_may_be_left_alone(containers) -> None:
    """Detached, with a pid file; it is a process of the jail, and ends with it."""
    bundle = containers.create("c", FOREVER)
    containers.ok("start", "c")
    file = f"{containers.directory}/pid"
    containers.ok("exec", "--detach", "--pid-file", file, "c", "/bin/sh", "-c", "echo begun > /begun; exec sleep 1000")
    deadline = time.monotonic() + PATIENCE
    while not os.path.exists(f"{bundle}/rootfs/begun"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with open(file) as written:
        pid = int(written.read())
    pids = json.loads(containers.ok("ps", "--format", "json", "c"))
    containers.ok("delete", "--force", "c")

    assert pid in pids
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_who_asks_for_a_terminal_must_take_it(containers, listener) -> None:
    """A socket without a terminal and a terminal without a socket are errors, and nothing is left."""
    config = containers.config(FOREVER)
    without = containers.bundle(config)
    config["process"]["terminal"] = True
    with_terminal = containers.bundle(config)
    containers.fails("create", "--console-socket", listener.path, "--bundle", without, "c")
    containers.fails("create", "--bundle", with_terminal, "c")
    containers.fails("create", "--console-socket", without, "--bundle", with_terminal, "c")

    assert containers.ok("list", "--quiet") == ""
