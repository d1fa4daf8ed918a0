"""
The certificate, the key and the authority of a listener for TLS, as bytes.

The daemon reads the files, as it may; what OpenSSL makes of them it does not know: :mod:`runjd.access.showing`
does, in a process of its own.
"""

from __future__ import annotations

import os
import stat
from binascii import a2b_base64, b2a_base64

from runjd.ancestry import find_stranger
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Tls
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


def read_papers(tls: Tls, file: str) -> Papers:
    """
    Return what the files hold.

    :param file: the configuration that names them.
    :raise ConfigError: naming the first that cannot be read, or should not be used by its owner or mode.
    """
    try:
        certificate = _read("certificate", tls.certificate)
        key = _read("key", tls.key)
        _refuse_open_key(tls.key, key)
        return Papers(certificate, key, _read("ca", tls.ca))
    except Refused as refused:
        raise fault_of(refused.key, str(refused), file) from None


def fault_of(key: str, reason: str, file: str) -> ConfigError:
    """Return what is wrong with a file, as a fault of the configuration that names it."""
    return ConfigError([Fault(file, 0, ("daemon", "tls", key), reason)])


def _read(key: str, path: str) -> bytes:
    stranger = find_stranger(path)
    if stranger:
        raise Refused(key, f"{path} can be exchanged by others, at {stranger}; give it to root, and chmod go-w")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Refused(key, f"{path}: {(error.strerror or str(error)).lower()}") from None


def _refuse_open_key(path: str, key: bytes) -> None:
    if b"ENCRYPTED" in key:
        raise Refused("key", f"{path} has a password, which nobody could give; take it off by openssl pkey")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        raise Refused("key", f"{path} has mode {mode:04o}, and others may not read it; chmod 600 {path}")
