"""Bytes between a plain socket and one that speaks TLS, both ways, with bounded buffers."""

from __future__ import annotations

import select
import socket
import ssl
from contextlib import suppress

#: bytes that are held for each side; then the other one is not read
LIMIT = 262_144
_CHUNK = 65_536


class Carriage:
    """
    Carries until one side ends, and what it said before has reached the other.

    TLS has no half-close: when the plain side ends its writing, all ends.

    :param first: what the secret side said already.
    """

    def __init__(self, secret: ssl.SSLSocket, plain: socket.socket, first: bytes) -> None:
        self._secret = secret
        self._plain = plain
        self._to_plain, self._to_secret = bytearray(first), bytearray()
        self._secret_ended = not first
        self._plain_ended = False
        self._is_unheard = False

    def run(self) -> None:
        """Carry until the end. :raise OSError: TLS failed."""
        self._secret.setblocking(False)
        self._plain.setblocking(False)
        while not self._is_over:
            ready = self._wait()
            self._write_plain()
            if ready.get(self._plain.fileno()):
                self._read_plain()
            self._write_secret()
            self._read_secret()
        if not self._secret_ended:
            with suppress(OSError):  # it does not wait for our good-bye, nor we for its
                self._secret.unwrap()

    @property
    def _is_over(self) -> bool:
        if self._is_unheard or (self._secret_ended and not self._to_plain):
            return True
        return self._plain_ended and not self._to_secret

    @property
    def _wants_plain(self) -> bool:
        return not self._plain_ended and len(self._to_secret) < LIMIT

    @property
    def _wants_secret(self) -> bool:
        return not self._secret_ended and len(self._to_plain) < LIMIT

    def _wait(self) -> dict[int, int]:
        """Wait until there is something to do; return what is ready."""
        poll = select.poll()
        for side, reads, writes in (
            (self._plain, self._wants_plain, self._to_plain),
            (self._secret, self._wants_secret, self._to_secret),
        ):
            mask = (select.POLLIN if reads else 0) | (select.POLLOUT if writes else 0)
            if mask:  # who is gone is told even to those who want nothing, again and again
                poll.register(side, mask)
        # TLS may hold bytes that poll(2) knows nothing of
        return dict(poll.poll(0 if self._wants_secret and self._secret.pending() else None))

    def _write_plain(self) -> None:
        if self._to_plain:
            try:
                del self._to_plain[: self._plain.send(self._to_plain)]
            except BlockingIOError:
                pass
            except OSError:
                self._is_unheard = True

    def _read_plain(self) -> None:
        if self._wants_plain:
            try:
                data = self._plain.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self._to_secret += data
            self._plain_ended = not data

    def _write_secret(self) -> None:
        if self._to_secret:
            with suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                del self._to_secret[: self._secret.send(self._to_secret)]

    def _read_secret(self) -> None:
        if self._wants_secret:
            try:
                data = self._secret.recv(_CHUNK)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except ssl.SSLEOFError:
                data = b""
            self._to_plain += data
            self._secret_ended = not data
