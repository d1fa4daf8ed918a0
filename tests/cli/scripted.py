"""A daemon that plays a script: a real Unix socket, and a thread that says and hears what the test wrote down."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable

from runjd.protocols.attach import Frame, FrameReader

HELLO = b"! 0 ev=hello proto=1 server=runjd/0.0.1 run=7f3a91 pid=812 role=admin uid=0 max_line=8192 caps=attach,exec\n"
PATIENCE = 10.0


class Peer:
    """The daemon's end of one connection; what is not as expected ends the script with an AssertionError."""

    def __init__(self, connected: socket.socket) -> None:
        self.connected = connected
        self._buffer = b""
        self._frames = FrameReader()
        self._found: list[Frame] = []

    def say(self, data: bytes) -> None:
        """Send bytes."""
        self.connected.sendall(data)

    def hear(self) -> str:
        """Return the next line of the client."""
        while b"\n" not in self._buffer:
            data = self.connected.recv(65536)
            assert data, "the client closed the connection"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def hear_frame(self) -> Frame:
        """Return the next frame of the client."""
        while not self._found:
            data = self._buffer or self.connected.recv(65536)
            self._buffer = b""
            assert data, "the client closed the connection"
            self._found = self._frames.feed(data)
        return self._found.pop(0)

    def hear_end(self) -> bytes:
        """Return what the client sends until it closes."""
        rest = self._buffer
        while data := self.connected.recv(65536):
            rest += data
        return rest


class Scripted:
    """
    Listens on a socket and plays one script for each connection, in order.

    :ivar path: the socket.
    """

    def __init__(self, directory: str, *scripts: Callable[[Peer], None]) -> None:
        self.path = os.path.join(directory, "control")
        self._scripts = scripts
        self._failures: list[BaseException] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.settimeout(PATIENCE)
        self._listening.bind(self.path)
        self._listening.listen(8)
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def finish(self) -> None:
        """Wait for the end of the scripts, and raise what went wrong in them."""
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive(), "the script does not end"
        self._listening.close()
        os.unlink(self.path)
        if self._failures:
            raise self._failures[0]

    def _play(self) -> None:
        try:
            for script in self._scripts:
                connected, _ = self._listening.accept()
                connected.settimeout(PATIENCE)
                with connected:
                    script(Peer(connected))
        except BaseException as failure:
            self._failures.append(failure)


def answering(*exchanges: tuple[str, bytes]) -> Callable[[Peer], None]:
    """Return a script: greets, then expects each line and sends its answer, then waits for the client to close."""

    def script(peer: Peer) -> None:
        peer.say(HELLO)
        for expected, answer in exchanges:
            assert expected == peer.hear()
            peer.say(answer)
        assert peer.hear_end() == b""

    return script
