"""What all lives of the daemon told of ends, each heard from its first event on."""

from __future__ import annotations

import threading
import time
from collections import deque

from runjd.protocols.control.reply import Announcement, parse_reply
from runjd.values import Value
from tests.soak.asking import Connection, Lost


class Told(Value):
    """An exit that was told; ``at`` is its time as it was told, ``heard`` is ours."""

    life: int
    jail: str
    exec_id: str
    pid: int
    exit: str
    signal: str
    at: str
    heard: float = 0.0


class Ear:
    """
    Listens to one life after another.

    :ivar told: all exits that were told.
    :ivar heard: numbers of the lives that were heard from their beginning.
    :ivar complaints: what must not be told at all.
    :ivar running: jails and pids that were told as running.
    :ivar last: the newest events of all kinds.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._threads: list[threading.Thread] = []
        self._connections: list[Connection] = []
        self.told: list[Told] = []
        self.heard: set[int] = set()
        self.running: set[tuple[str, int]] = set()
        self.complaints: list[str] = []
        self.last: deque[str] = deque(maxlen=2000)

    def listen(self, life: int) -> None:
        """Hear all that this life of the daemon tells. :raise Lost: it is over."""
        connection = Connection(self._path)
        try:
            connection.socket.settimeout(None)
            connection.send(b"subscribe since=none:0\n")
        except Lost:
            connection.close()
            raise
        self._connections.append(connection)
        self._threads.append(threading.Thread(target=self._hear, args=(connection, life)))
        self._threads[-1].start()

    def close(self) -> None:
        """Listen no more."""
        for each in self._connections:
            try:
                each.socket.shutdown(2)
            except OSError:
                continue
        self.wait()

    def wait(self) -> None:
        """Wait until all that dead lives told is heard."""
        for each in self._threads:
            each.join(30)
        self._threads.clear()
        self._connections.clear()

    def _hear(self, connection: Connection, life: int) -> None:
        with connection:
            try:
                while True:
                    self._note(parse_reply(connection.line()), life)
            except Lost:
                return

    def _note(self, line: object, life: int) -> None:
        if not isinstance(line, Announcement):
            if str(line).startswith("Success"):
                self.heard.add(life)
            return
        fields = line.fields
        self.last.append(f"life {life}: {' '.join(f'{key}={fields[key]}' for key in fields)}")
        if fields["ev"] == "gap" and "lost" in fields:
            self.complaints.append(f"a gap in life {life}: {fields}")
        if fields.get("to") == "running" and "pid" in fields:
            self.running.add((fields["jail"], int(fields["pid"])))
        if fields["ev"] == "exit":
            words = [fields.get(each, "") for each in ("jail", "exec")]
            pid = int(fields.get("pid", "0"))
            ends = (fields.get("exit", ""), fields.get("signal", ""), fields["at"])
            self.told.append(Told(life, *words, pid, *ends, time.time()))
