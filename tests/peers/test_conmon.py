"""conmon alone: the contract that podman and CRI-O rely on, without either of them."""

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.peers.machine import Done, until
from tests.peers.podman import Podman, make_root

pytestmark = pytest.mark.root


class Monitored:
    """
    A container that conmon watches.

    :param podman: whose machine and runtime it is; podman itself is not called.
    """

    def __init__(self, podman: Podman, args: list[str], terminal: bool = False) -> None:
        self._machine = podman.machine
        self._runtime = podman.path
        self.id = podman.name()
        self.bundle = podman.directory / self.id
        make_root(self.bundle / "rootfs")
        self._machine.run(self._runtime, "spec", cwd=str(self.bundle))
        config = json.loads((self.bundle / "config.json").read_text())
        config["process"].update(args=args, terminal=terminal)
        config["root"]["readonly"] = False
        config["linux"]["cgroupsPath"] = f"/conmon/{self.id}"
        (self.bundle / "config.json").write_text(json.dumps(config))
        self.log = self.bundle / "log"
        self.exits = self.bundle / "exits"
        self.exits.mkdir()

    def conmon(self, *options: str) -> tuple[Done, list[dict[str, object]]]:
        """Run conmon, which goes on in the background; return how it began, and what it said on the pipe."""
        r, w = os.pipe()
        argv = [
            "conmon", "--api-version", "1", "--cid", self.id, "--cuuid", self.id, "--runtime", self._runtime,
            "--bundle", str(self.bundle), "--name", self.id, "--log-path", f"k8s-file:{self.log}",
            "--exit-dir", str(self.exits), "--socket-dir-path", str(self.bundle), "--log-level", "error", *options,
        ]  # fmt: skip
        with open(os.devnull, "r+b") as null, os.fdopen(r, "rb") as said:
            try:
                fds = [null.fileno()] * 3 + [w]
                with self._machine.start(argv, fds, env={"_OCI_SYNCPIPE": "3"}) as program:
                    status = program.wait()
            finally:
                os.close(w)
            lines = [json.loads(said.readline() or b"{}")]
        return Done(status, b"", b""), lines

    def runtime(self, *words: str) -> Done:
        """Call the runtime."""
        return self._machine.run(self._runtime, *words)

    def status(self) -> str:
        """Return what the runtime says."""
        return str(json.loads(self.runtime("state", self.id).out)["status"])

    def logged(self) -> list[tuple[str, str, str]]:
        """Return stream, F or P, and text of each line of the log."""
        pattern = re.compile(r"\d{4}-\d\d-\d\dT\S+ (stdout|stderr) ([FP]) (.*)")
        return [
            match.groups() for line in self.log.read_bytes().decode().split("\n") if (match := pattern.fullmatch(line))
        ]

    def text(self) -> str:
        """Return all that was logged; a terminal's lines come in pieces."""
        return "".join(text + ("\n" if tag == "F" else "") for _, tag, text in self.logged())

    def exit_status(self) -> int:
        """Wait for the exit file, and return what it says."""
        file = self.exits / self.id
        until(lambda: file.exists() and file.read_text())
        return int(file.read_text())

    def delete(self) -> None:
        """Delete it in the runtime, whatever it does."""
        assert self.runtime("delete", "--force", self.id).status == 0


@contextmanager
def monitored(podman: Podman, *args: str, terminal: bool = False) -> Iterator[Monitored]:
    """Return a container that is deleted afterwards."""
    made = Monitored(podman, list(args), terminal)
    try:
        yield made
    finally:
        made.delete()


def test_create_start_and_the_end(podman: Podman):
    """conmon says the pid once the container is created, logs both streams, and writes the exit status."""
    with monitored(podman, "sh", "-c", "echo out; echo err >&2; printf partial; exit 42") as container:
        pid_file = container.bundle / "pid"
        begun, said = container.conmon("--container-pidfile", str(pid_file))

        assert (begun.status, container.status()) == (0, "created")
        assert said[0]["data"] == int(pid_file.read_text())
        assert container.runtime("start", container.id).status == 0
        assert container.exit_status() == 42
        assert set(container.logged()) == {("stdout", "F", "out"), ("stderr", "F", "err"), ("stdout", "P", "partial")}
        assert container.status() == "stopped"


def test_a_signal_ends_it(podman: Podman):
    """The exit status of what a signal ended is 128 and its number."""
    with monitored(podman, "sleep", "1000") as container:
        container.conmon()
        container.runtime("start", container.id)
        assert container.runtime("kill", container.id, "9").status == 0
        assert container.exit_status() == 137


def test_why_create_failed_comes_by_the_pipe(podman: Podman):
    """conmon hands on what the runtime said on standard error."""
    with monitored(podman, "no-such-program") as container:
        said = container.conmon()[1]

        assert said[0]["data"] == -1
        assert "executable file not found in" in str(said[0]["message"])


def test_attach_speaks_with_the_program(podman: Podman):
    """By its socket conmon gives input and shows output, each packet with the number of its stream."""
    with monitored(podman, "sh", "-c", "while read line; do echo heard $line; done; exit 5") as container:
        container.conmon("-i")
        container.runtime("start", container.id)
        path = container.bundle / container.id / "attach"
        with _connected(path) as attached:
            attached.send(b"hello\n")
            assert attached.recv(8192) == b"\2heard hello\n"
            attached.shutdown(socket.SHUT_WR)
            assert container.exit_status() == 5


def test_a_terminal_comes_by_the_console_socket(podman: Podman):
    """With -t the runtime sends conmon the terminal; its size is set by the winsz fifo."""
    script = "tty; trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 1000 & wait $!; done"
    with monitored(podman, "sh", "-c", script, terminal=True) as container:
        container.conmon("-t")
        container.runtime("start", container.id)
        until(lambda: "ready\r\n" in container.text())
        (container.bundle / "winsz").write_text("33 77\n")
        assert container.exit_status() == 0
        assert container.text() == "/dev/pts/0\r\nready\r\n33 77\r\n"


@pytest.mark.parametrize("terminal", [False, True])
def test_exec_has_a_monitor_of_its_own(podman: Podman, terminal: bool):
    """conmon --exec starts a process from a file, says its pid, and writes its exit status."""
    with monitored(podman, "sleep", "1000") as container:
        container.conmon()
        container.runtime("start", container.id)
        container.log.unlink()
        process = json.loads((container.bundle / "config.json").read_text())["process"]
        process.update(args=["sh", "-c", "[ -t 0 ] && echo terminal; echo done; exit 7"], terminal=terminal)
        spec = container.bundle / "process.json"
        spec.write_text(json.dumps(process))

        options = [
            "--exec",
            "--exec-process-spec",
            str(spec),
            "--container-pidfile",
            str(container.bundle / "exec-pid"),
        ]
        begun, said = container.conmon(*options, *(["-t"] if terminal else []))

        assert begun.status == 0
        assert int(said[0]["data"]) > 0
        assert container.exit_status() == 7
        assert container.text() == ("terminal\r\ndone\r\n" if terminal else "done\n")


@contextmanager
def _connected(path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.connect(str(path))
        yield connection
