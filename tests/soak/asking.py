"""A client of the control socket that reckons with the death of the daemon at any moment."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Self

from runjd.protocols.control.reply import Failure, Record, Success, parse_reply

_LIMIT = 40.0


class Lost(Exception):
    """The daemon died, or is not there; what was asked may have happened or not."""


class Connection:
    """
    One greeted connection.

    :raise Lost: from every method.
    """

    def __init__(self, path: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(_LIMIT)
        self._rest = b""
        try:
            self.socket.connect(path)
        except OSError as error:
            self.close()
            raise Lost(str(error)) from None
        try:
            self.greeting = self.line()
        except Lost:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it; again is no error."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send bytes."""
        try:
            self.socket.sendall(data)
        except TimeoutError:
            raise AssertionError("the daemon does not read") from None
        except OSError as error:
            raise Lost(str(error)) from None

    def line(self) -> str:
        """Return the next line."""
        while b"\n" not in self._rest:
            self._rest += self._received(65536)
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def ask(self, request: str) -> tuple[Success | Failure, list[Mapping[str, str]]]:
        """Send a request; return the end of its reply, and its records."""
        self.send(request.encode() + b"\n")
        records = []
        while True:
            line = parse_reply(self.line())
            if isinstance(line, Record):
                records.append(line.fields)
            elif isinstance(line, Success | Failure):
                return line, records

    def frame(self) -> tuple[bytes, bytes]:
        """Return the next frame of a stream: its letter and its contents."""
        head = self.line()
        letter, _, length = head.partition(" ")
        while len(self._rest) < int(length):
            self._rest += self._received(65536)
        data, self._rest = self._rest[: int(length)], self._rest[int(length) :]
        return letter.encode(), data

    def _received(self, count: int) -> bytes:
        try:
            data = self.socket.recv(count)
        except TimeoutError:
            raise AssertionError(f"the daemon does not answer within {_LIMIT:.0f} s") from None
        except OSError as error:
            raise Lost(str(error)) from None
        if not data:
            raise Lost("the daemon closed the connection")
        return data


def ask(path: str, request: str) -> tuple[Success | Failure, list[Mapping[str, str]]]:
    """Ask one thing on a connection of its own. :raise Lost: the daemon died meanwhile."""
    with Connection(path) as connection:
        return connection.ask(request)
