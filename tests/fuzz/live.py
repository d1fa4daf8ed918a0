"""The same bytes, through real sockets to real processes."""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Sequence

from runjd.keeper import messages
from runjd.keeper.wire import encode
from tests.functional.daemon import Daemon, wait_until
from tests.fuzz.smith import Smith
from tests.fuzz.target import Target
from tests.fuzz.targets import FRAMES, LINES, check_lines
from tests.keeper.running import RunningKeeper

#: seconds in which somebody else is answered, whatever was sent
PATIENCE = 10.0
#: bytes that a process may grow by, over all that was sent
GROWTH = 64 << 20


class ControlSocket(Target):
    """The control socket of a daemon: whoever comes next is answered, and the daemon tells of no exception."""

    name = "the control socket"
    seeds = (*LINES, *FRAMES)

    def __init__(self) -> None:
        self._daemon = Daemon()
        self._daemon.start()
        self._daemon.runjctl("run", "-d", self._daemon.shell("web", "exec cat", terminal=False))
        self._first = resident(self._daemon.pid)

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        received = exchange(self._daemon.path, pieces, closes=smith.flip())
        if b" mode=" not in received:
            check_lines(received[: received.rfind(b"\n") + 1])
        answer = exchange(self._daemon.path, [b"ping\n"], closes=True)
        assert b"\n+ at=" in answer, f"nobody is answered any more: {answer!r}"
        assert "Traceback" not in self._daemon.words(), self._daemon.words()[-2000:]
        assert resident(self._daemon.pid) < self._first + GROWTH, "the daemon grows"

    def close(self) -> None:
        self._daemon.remove()


class KeeperSocket(Target):
    """The socket of a keeper: a daemon that says nonsense is sent away, and the next one is greeted."""

    name = "the keeper's socket"
    seeds = (
        encode(messages.ask_hello("fuzz")),
        encode(messages.ask_run(1, "web", "/nowhere", "plain", False, None, {})),
        encode(messages.ask_exec(2, "web", "x1", {"args": ["/bin/true"], "cwd": "/"}, False, None, {})),
        encode(messages.ask_signal(3, "web", "", 15, False)),
        encode(messages.ask_delete(4, "web", True)),
        encode(messages.ask_close_stdin(5, "web", "")),
        encode(messages.ask_stdin(6, "web", "")),
        encode(messages.ask_process(7, "web")),
        encode(messages.ask_change(8, "web", "pause")),
        encode(messages.ask_hold("web", 5)),
        encode(messages.ask_settle("web", 5)),
        encode(messages.ask_ack("web", "", 5)),
        encode({"m": "hello", "version": "x", "run": 7}),
        b"\xff\xff\xff\xff\0\0",
    )

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="runjd-fuzz-", dir="/tmp")
        self._keeper = RunningKeeper(self._directory)
        self._first = resident(self._keeper.pid)

    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        exchange(self._keeper.path, pieces, closes=smith.flip())

        def is_greeted() -> bool:  # the one before may not be noticed to be gone for a moment
            return b'"m":"hello"' in exchange(self._keeper.path, [self.seeds[0]], closes=True)

        wait_until(is_greeted, "no daemon is greeted any more", PATIENCE)
        assert self._keeper.process is not None
        assert self._keeper.process.poll() is None, "the keeper ended"
        assert resident(self._keeper.pid) < self._first + GROWTH, "the keeper grows"

    def close(self) -> None:
        self._keeper.end()
        shutil.rmtree(self._directory)


def resident(pid: int) -> int:
    """Return how many bytes of memory a process has."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def exchange(path: str, pieces: Sequence[bytes], closes: bool) -> bytes:
    """
    Send the pieces, and return what came back.

    :param closes: say that no more is sent, and read to the end, or as long as anything comes; else just leave.
    """
    received = b""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        try:
            for piece in pieces:
                connection.sendall(piece)
            if closes:
                connection.shutdown(socket.SHUT_WR)
                connection.settimeout(0.2)
                while data := connection.recv(65536):
                    received += data
        except (TimeoutError, ConnectionError):
            pass  # it waits for what it was asked to wait for, or sent us away
    return received


LIVE = (ControlSocket, KeeperSocket)
