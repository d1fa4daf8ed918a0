"""
The certificate, the key and the authority of a listener for TLS, as bytes.

The daemon reads the files, as it may, :mod:`runjd.access.paperfiles`; what OpenSSL makes of them it does not know:
:mod:`runjd.access.showing` does, in a process of its own.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64

from runjd.values import Value


class Papers(Value):
    """
    All of it, in PEM.

    :ivar certificate: and those that lead from it to its authority.
    :ivar ca: the authorities whose certificates are let in.
    """

    certificate: bytes
    key: bytes
    ca: bytes

    def to_json(self) -> list[str]:
        """Return them for another process."""
        return [b2a_base64(each, newline=False).decode("ascii") for each in self]


def papers_from_json(document: list[str]) -> Papers:
    """Return what the daemon has read."""
    return Papers(*(a2b_base64(each) for each in document))


class Refused(Exception):
    """What is wrong with one of the files; ``key`` is that of the table ``daemon.tls``."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key
