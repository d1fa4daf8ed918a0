"""The files of the certificate, the key and the authority: who may have written them, and who may read them."""

from __future__ import annotations

import os
import stat

from runjd.access.papers import Papers, Refused
from runjd.ancestry import find_stranger
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Tls


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
