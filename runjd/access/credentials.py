"""
What the daemon shows to clients that come by TLS, and what it wants to see of them.

A certificate and its key, and the authority whose certificates are let in.  TLS 1.2 or newer,
no renegotiation, no session that is resumed: each connection shows a certificate that the
authority of this moment vouches for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from datetime import UTC, datetime
from math import inf
from weakref import WeakKeyDictionary

from cryptography import x509
from OpenSSL import SSL

from runjd.ancestry import find_stranger
from runjd.config.faults import ConfigError, Fault
from runjd.config.model import Tls

#: days before the end of a certificate from which on that is told
FEW_DAYS = 14
#: SSL_OP_NO_RENEGOTIATION of openssl/ssl.h, which pyOpenSSL does not name
_NO_RENEGOTIATION = 0x40000000
_OPTIONS = _NO_RENEGOTIATION | SSL.OP_NO_TICKET | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE


def context_of(tls: Tls, file: str) -> SSL.Context:
    """Return what OpenSSL makes of the files. :raise ConfigError: naming the first that cannot be used."""
    try:
        return _context_of(tls)
    except _Refused as refused:
        raise ConfigError([Fault(file, 0, ("daemon", "tls", refused.key), str(refused))]) from None


def verdict_on(connection: SSL.Connection) -> str:
    """Return what is wrong with the certificate that was shown; empty where nothing is, or none was shown."""
    number = _faults.get(connection)
    return _VERDICTS.get(number, f"fault {number} of openssl-verification-options(1)") if number else ""


def days_left(path: str, now: datetime | None = None) -> float:
    """
    Return for how many days the first certificate of a file is good; negative where it is not any more.

    :return: infinity where that cannot be told: OpenSSL takes what is not quite right.
    """
    try:
        with open(path, "rb") as file:
            certificate = x509.load_pem_x509_certificate(file.read())
    except (OSError, ValueError):
        return inf
    # cryptography before 42 has the other one only
    end = getattr(certificate, "not_valid_after_utc", None) or certificate.not_valid_after.replace(tzinfo=UTC)
    return (end - (now or datetime.now(UTC))).total_seconds() / 86400


def shown_by(connection: SSL.Connection) -> x509.Certificate | None:
    """Return the certificate of the other end; None where there is none that can be read."""
    try:
        try:
            return connection.get_peer_certificate(as_cryptography=True)
        except TypeError:  # pyOpenSSL before 24.3
            found = connection.get_peer_certificate()
            return found.to_cryptography() if found is not None else None
    except ValueError:
        return None


def names_of(certificate: x509.Certificate) -> Sequence[str]:
    """
    Return whom a certificate names: mail addresses, names of hosts and URIs of its subject alternative name.

    Names that could be mistaken for something else in a line of a log are left out.
    """
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    names: list[str] = []
    for kind in (x509.RFC822Name, x509.DNSName, x509.UniformResourceIdentifier):
        names += found.get_values_for_type(kind)
    return [each for each in names if is_name(each)]


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a principal."""
    return 0 < len(text) <= 253 and text.isascii() and text.isprintable() and not set(text) & set(" \"'\\*?[]")


def _judge(connection: SSL.Connection, certificate: object, number: int, depth: int, is_good: int) -> bool:
    """Keep what is wrong with a certificate; what OpenSSL raises says only that something is."""
    if not is_good:
        _faults.setdefault(connection, number)
    return bool(is_good)


#: what was wrong with certificates, as long as their connections last
_faults: WeakKeyDictionary[SSL.Connection, int] = WeakKeyDictionary()
#: X509_V_ERR_... of openssl/x509_vfy.h
_VERDICTS = {
    7: "its certificate was not signed by whom it names",
    9: "its certificate is not good yet",
    10: "its certificate has expired",
    18: "its certificate is of no authority",
    19: "its certificate is of another authority",
    20: "its certificate is of another authority",
    21: "its certificate is of another authority",
    23: "its certificate was revoked",
    26: "its certificate is not that of a client",
}


class _Refused(Exception):
    """What is wrong with one of the files; ``key`` is that of the table."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def judged_context() -> SSL.Context:
    """Return what shows nothing yet, and lets in nobody but who shows a certificate that it can judge."""
    context = SSL.Context(SSL.TLS_METHOD)
    context.set_min_proto_version(SSL.TLS1_2_VERSION)
    context.set_options(_OPTIONS)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _judge)
    return context


def _context_of(tls: Tls) -> SSL.Context:
    context = judged_context()
    _read("certificate", tls.certificate)
    _refuse_open_key(tls.key)
    try:
        context.use_certificate_chain_file(tls.certificate)
    except SSL.Error:
        raise _Refused("certificate", f"{tls.certificate} is no certificate in PEM") from None
    try:
        context.use_privatekey_file(tls.key)
    except SSL.Error:
        raise _Refused("key", f"{tls.key} is no key in PEM, or not that of the certificate") from None
    try:
        context.check_privatekey()
    except SSL.Error:
        raise _Refused("key", f"{tls.key} is not the key of {tls.certificate}") from None
    _read("ca", tls.ca)
    try:
        context.load_verify_locations(tls.ca)
        context.load_client_ca(tls.ca.encode("utf-8", "surrogateescape"))
    except SSL.Error:
        raise _Refused("ca", f"{tls.ca} has no certificate of an authority in PEM") from None
    return context


def _read(key: str, path: str) -> bytes:

    stranger = find_stranger(path)
    if stranger:
        raise _Refused(key, f"{path} can be exchanged by others, at {stranger}; give it to root, and chmod go-w")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise _Refused(key, f"{path}: {(error.strerror or str(error)).lower()}") from None


def _refuse_open_key(path: str) -> None:
    if b"ENCRYPTED" in _read("key", path):
        raise _Refused("key", f"{path} has a password, which nobody could give; take it off by openssl pkey")
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode & 0o077:
        raise _Refused("key", f"{path} has mode {mode:04o}, and others may not read it; chmod 600 {path}")
