"""A daemon's end of the keeper's wire whose turns are made by hand, and the keeper's end of it."""

import _socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from runjd.keeper import messages
from runjd.keeper.channel import Channel, Parcel
from runjd.protocols.keeperclient import KeeperClient
from runjd.protocols.keeperreplies import Exited, Found


class Told:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.found: list[Found] = []
        self.exited: list[Exited] = []
        self.leftovers: list[str] = []
        self.is_ready = False
        self.lost: list[str] = []
        self.troubles: list[str] = []
        self.when_exited: Deferred[None] = Deferred()

    def process_found(self, found: Found) -> None:
        self.found.append(found)

    def process_exited(self, exited: Exited) -> None:
        self.exited.append(exited)
        if not self.when_exited.called:
            self.when_exited.callback(None)

    def leftover_found(self, jail: str) -> None:
        self.leftovers.append(jail)

    def keeper_troubled(self, reason: str) -> None:
        self.troubles.append(reason)

    def ready(self) -> None:
        self.is_ready = True

    def keeper_lost(self, reason: str) -> None:
        self.lost.append(reason)


class HandReactor(Clock):
    """A reactor whose turns are made by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[Any] = []
        self.writers: list[Any] = []

    def addReader(self, reader: Any) -> None:
        if reader not in self.readers:
            self.readers.append(reader)

    def removeReader(self, reader: Any) -> None:
        if reader in self.readers:
            self.readers.remove(reader)

    def addWriter(self, writer: Any) -> None:
        if writer not in self.writers:
            self.writers.append(writer)

    def removeWriter(self, writer: Any) -> None:
        if writer in self.writers:
            self.writers.remove(writer)

    def turn(self) -> None:
        for writer in tuple(self.writers):
            writer.doWrite()
        for reader in tuple(self.readers):
            reader.doRead()


class Scene:
    """A client, and a keeper that says what it is told to say."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.listener.bind(path)
        self.listener.listen(1)
        self.reactor = HandReactor()
        self.told = Told()
        self.client = KeeperClient(self.reactor, path, self.told, "run1", 3)
        self.greeted = self.client.connect()
        fd, _ = self.listener._accept()
        self.keeper = Channel(_socket.socket(fileno=fd))

    def say(self, message: dict[str, object] | str, *descriptors: int) -> None:
        """Let the keeper say something, and the client hear it."""
        self.keeper.send(lambda: message if isinstance(message, str) else Parcel(message, descriptors))
        assert self.keeper.flush()
        self.reactor.turn()

    def heard(self) -> list[dict[str, object]]:
        """Return what the keeper has heard."""
        self.reactor.turn()
        return [dict(parcel.message) for parcel in self.keeper.receive()]

    def greet(self) -> None:
        self.say(messages.tell_hello(77, "boot"))
        assert self.heard() == [messages.ask_hello("run1")]

    def close(self) -> None:
        self.client.disconnect()
        self.keeper.close()
        self.listener.close()
