"""
TLS without a socket: what came is put in, what is to be sent is taken out.

Each turn OpenSSL gets no more than what was put in, so that nobody keeps it busy by sending on and on what are no
bytes of his, as new keys of TLS 1.3.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence

from runjd.access.names import names_of
from runjd.access.showing import Showing, verdict_on

_PIECE = 65_536


class TurnedAway(Exception):
    """
    A handshake that failed, and why.

    :ivar parting: what is said to who speaks something else than TLS.
    """

    def __init__(self, reason: str, parting: bytes = b"") -> None:
        super().__init__(reason)
        self.parting = parting


class Secrecy:
    """
    Our end of one connection.

    :ivar is_in: the handshake is over, and a good certificate was shown.
    """

    def __init__(self, showing: Showing) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._connection = showing.connection(self._incoming, self._outgoing)
        self.is_in = False

    def take_out(self) -> bytes:
        """Return what is to be sent."""
        return self._outgoing.read()

    def put_in(self, data: bytes) -> None:
        """Take what came; nothing is the end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def shake_hands(self) -> None:
        """
        Go on with the handshake.

        :raise TurnedAway: it failed.
        """
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return
        except (ssl.SSLError, OSError) as error:
            reason = explain(error)
            raise TurnedAway(reason, _TO_HTTP if reason == _HTTP else b"") from None
        self.is_in = True

    def names(self) -> Sequence[str]:
        """Return whom the certificate names that was shown; nobody where it cannot be read."""
        try:
            return names_of(self._connection.getpeercert() or {})
        except (ssl.SSLError, ValueError):
            return []

    def read(self) -> tuple[bytes, bool]:
        """Return what was said, and whether that was all."""
        said = bytearray()
        while True:
            try:
                piece = self._connection.read(_PIECE)
            except ssl.SSLWantReadError:
                return bytes(said), False
            except (ssl.SSLError, OSError):  # an alert, noise, an end without good-bye
                return bytes(said), True
            if not piece:
                return bytes(said), True
            said += piece

    def write(self, data: bytes) -> None:
        """Say something. :raise OSError: the connection is over."""
        self._connection.write(data)

    def say_goodbye(self) -> None:
        """Say that nothing follows; nothing to do where that makes no sense any more."""
        try:
            self._connection.unwrap()
        except (ssl.SSLError, OSError):  # as a rule it would wait for what the other end says to that
            pass


def explain(error: OSError) -> str:
    """Return why a handshake failed, in words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return verdict_on(error)
    reason = getattr(error, "reason", None)
    if isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError)) or not isinstance(reason, str):
        return ENDED
    for prefix in _ALERTS:
        if reason.startswith(prefix):
            return f"it does not go on with us: {_spoken(reason.removeprefix(prefix))}"
    return _REASONS.get(reason) or _spoken(reason)


def _spoken(reason: str) -> str:
    return reason.lower().replace("_", " ")


_HTTP = "it speaks HTTP"
_TO_HTTP = b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nrunjd speaks TLS here, and no HTTP.\n"
#: why there was no handshake where the connection did not last so long
ENDED = "the connection ended before its handshake did"
#: alerts of the other end are reasons, too
_ALERTS = ("TLSV1_ALERT_", "TLSV13_ALERT_", "SSLV3_ALERT_")
_REASONS = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it showed no certificate",
    "UNSUPPORTED_PROTOCOL": "it speaks no TLS of 1.2 or newer",
    "HTTP_REQUEST": _HTTP,
    "HTTPS_PROXY_REQUEST": _HTTP,
    "WRONG_VERSION_NUMBER": "what it speaks is no TLS",
    "NO_SHARED_CIPHER": "it has no cipher in common with us",
}
