"""A daemon that knows nothing but the keeper's wire, for tests: blocking, with a deadline for everything."""

import _socket
import os
import select
import time
from collections.abc import Callable

from runjd.keeper import messages
from runjd.keeper.channel import Channel, Parcel
from runjd.keeper.peer import connect_by_path

PATIENCE = 10.0


class Failed(AssertionError):
    """The keeper answered a request with an error; ``code`` is the error's."""

    def __init__(self, record: dict[str, object]) -> None:
        super().__init__(f"{record['code']}: {record['message']}")
        self.code = record["code"]


class Daemon:
    """
    One connection.

    :ivar parcels: everything that was received and not taken yet.
    :ivar open: descriptors by (jail, exec, stream), closed by :meth:`close`.
    """

    def __init__(self, path: str) -> None:
        socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connect_by_path(socket, path)
        except OSError:
            socket.close()
            raise
        self.channel = Channel(socket)
        self.parcels: list[Parcel] = []
        self.open: dict[tuple[str, str, str], int] = {}
        self._last_req = 0

    def greet(self, run: str = "test", spool: bool = False) -> list[dict[str, object]]:
        """
        Say hello and return what the keeper tells until it is ready: messages, without the hello.

        :param spool: whether we read spools; earlier daemons did not.
        """
        self.say(messages.ask_hello(run, spool))
        self.next("hello")
        told = []
        while True:
            parcel = self.take(lambda parcel: True, "ready")
            message = dict(parcel.message)
            if message["m"] == "ready":
                return told
            if "jail" in message:  # and not about the keeper itself
                self._keep(parcel, str(message["jail"]), str(message.get("exec", "")))
            told.append(message)

    def say(self, message: dict[str, object]) -> None:
        self.channel.send(lambda: Parcel(message))
        deadline = time.monotonic() + PATIENCE
        while not self.channel.flush():
            assert time.monotonic() < deadline, "the keeper reads nothing"
            select.select([self.channel.fileno()], [self.channel.fileno()], [], 0.1)
            self.parcels += self.channel.receive()

    def give(self, message: dict[str, object], *descriptors: int) -> None:
        """Send a message with descriptors."""
        self.channel.send(lambda: Parcel(message, descriptors))
        assert self.channel.flush()

    def say_bytes(self, data: bytes) -> None:
        os.write(self.channel.fileno(), data)

    def ask(self, make: Callable[..., dict[str, object]], *arguments: object) -> int:
        """Send a request, and return its number."""
        self._last_req += 1
        self.say(make(self._last_req, *arguments))
        return self._last_req

    def answer(self, req: int) -> Parcel:
        """Return the answer to a request. :raise Failed: it is an error."""
        parcel = self.take(lambda parcel: parcel.message.get("req") == req, f"answer to {req}")
        if parcel.message["m"] == "failed":
            raise Failed(parcel.message["error"])
        return parcel

    def do(self, make: Callable[..., dict[str, object]], *arguments: object) -> dict[str, object]:
        """Send a request, and return the message that answers it; what came along is dropped."""
        parcel = self.answer(self.ask(make, *arguments))
        parcel.drop()
        return dict(parcel.message)

    def run(
        self,
        jail: str,
        bundle: str,
        runtime: str = "plain",
        stdin: bool = False,
        size: tuple[int, int] | None = None,
        note: dict[str, object] | None = None,
        ready: str = "",
    ) -> dict[str, object]:
        """Run a jail; its descriptors are in ``open``."""
        return self.ran(self.ask(messages.ask_run, jail, bundle, runtime, stdin, size, note or {}, ready), jail)

    def ran(self, req: int, jail: str, exec: str = "") -> dict[str, object]:
        parcel = self.answer(req)
        self._keep(parcel, jail, exec)
        return dict(parcel.message)

    def exec(self, jail: str, exec: str, process: dict[str, object], stdin: bool = False) -> dict[str, object]:
        return self.ran(self.ask(messages.ask_exec, jail, exec, process, stdin, None, {}), jail, exec)

    def next(self, kind: str) -> dict[str, object]:
        """Return the next message of a kind; the descriptors of a process are in ``open``."""
        parcel = self.take(lambda parcel: parcel.message["m"] == kind, kind)
        message = dict(parcel.message)
        self._keep(parcel, str(message.get("jail", "")), str(message.get("exec", "")))
        return message

    def exit(self, jail: str, exec: str = "") -> dict[str, object]:
        """Return how a process ended."""

        def is_it(parcel: Parcel) -> bool:
            message = parcel.message
            return (message["m"], message.get("jail"), message.get("exec")) == ("exit", jail, exec)

        return dict(self.take(is_it, f"exit of {jail} {exec}").message)

    def ack(self, exit: dict[str, object]) -> None:
        self.say(messages.ask_ack(str(exit["jail"]), str(exit["exec"]), int(str(exit["pid"]))))

    def delete(self, jail: str) -> None:
        self.do(messages.ask_delete, jail, True)

    def read(self, jail: str, size: int, exec: str = "", stream: str = "out") -> bytes:
        """Return so many bytes of a stream."""
        data = b""
        fd = self.open[jail, exec, stream]
        deadline = time.monotonic() + PATIENCE
        while len(data) < size:
            assert select.select([fd], [], [], max(0.0, deadline - time.monotonic()))[0], f"only {data!r}"
            data += os.read(fd, size - len(data))
        return data

    def take(self, is_wanted: Callable[[Parcel], bool], what: str) -> Parcel:
        """Return the first parcel that is wanted, and keep the others."""
        deadline = time.monotonic() + PATIENCE
        while True:
            for index, parcel in enumerate(self.parcels):
                if is_wanted(parcel):
                    return self.parcels.pop(index)
            patience = deadline - time.monotonic()
            assert patience > 0, f"no {what}; there is {self.parcels}"
            select.select([self.channel.fileno()], [], [], patience)
            self.parcels += self.channel.receive()

    def is_closed(self) -> bool:
        """Whether the keeper closes the connection, before patience is used up."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            select.select([self.channel.fileno()], [], [], deadline - time.monotonic())
            try:
                self.parcels += self.channel.receive()
            except (EOFError, ConnectionResetError):
                return True
        return False

    def close(self) -> None:
        """Die."""
        self.channel.close()
        for parcel in self.parcels:
            parcel.drop()
        self.parcels.clear()
        for fd in self.open.values():
            os.close(fd)
        self.open.clear()

    def _keep(self, parcel: Parcel, jail: str, exec: str) -> None:
        for stream, fd in zip(parcel.message.get("streams", ()), parcel.descriptors, strict=True):
            if (older := self.open.get((jail, exec, stream))) is not None:
                os.close(older)
            self.open[jail, exec, stream] = fd
