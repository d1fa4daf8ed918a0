"""
What OpenSSL makes of papers, and what it wants to see of clients.

A certificate and its key, and the authority whose certificates are let in.  TLS 1.2 or newer,
no renegotiation, no session that is resumed: each connection shows a certificate that the
authority of this moment vouches for.
"""

from __future__ import annotations

import os
import re
import ssl

from runjd.access.papers import Papers, Refused

_PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----.*?-----END (?:X509 )?CERTIFICATE-----", re.DOTALL)
_OPTIONS = ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_TICKET | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
#: descriptors by which papers are loaded that are in memory: without fdescfs(5) FreeBSD has no others in /dev/fd
_FIRST, _SECOND = 0, 1
_HAS_MEMORY_FILES = hasattr(os, "memfd_create")
if not _HAS_MEMORY_FILES:
    from runjd.kernel.freebsd.files import anonymous_file


class Showing:
    """
    Shows a certificate.

    :param context: with the papers, from :func:`load` or :func:`load_files`.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def connection(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> ssl.SSLObject:
        """
        Return a new connection between two buffers.

        OpenSSL keeps sessions where a connection began, also without tickets, and Python cannot forbid it: so each
        begins in a context of its own, which knows no sessions and ends with it.
        """
        made = _bare_context().wrap_bio(incoming, outgoing, server_side=True)
        made.context = self._context
        return made


def load(papers: Papers) -> ssl.SSLContext:
    """
    Return what OpenSSL makes of papers.

    The ssl module takes a key only out of a file: both are files in memory, which are standard input and output for
    that moment.  Only for a process that nobody else reads from or writes to then.

    :raise Refused: naming the first that cannot be used.
    """
    kept = os.dup(_FIRST), os.dup(_SECOND)
    try:
        for pem, place in ((papers.certificate, _FIRST), (papers.key, _SECOND)):
            _put(pem, place)
        return load_files(papers, f"/dev/fd/{_FIRST}", f"/dev/fd/{_SECOND}")
    finally:
        for fd, place in zip(kept, (_FIRST, _SECOND), strict=True):
            os.dup2(fd, place)
            os.close(fd)


def load_files(papers: Papers, certificate: str, key: str) -> ssl.SSLContext:
    """
    Return what OpenSSL makes of papers.

    :param certificate: path from which those of the certificate are read.
    :param key: likewise.
    :raise Refused: naming the first that cannot be used.
    """
    context = _bare_context()
    try:
        _trust(_bare_context(), papers.certificate)
    except (ValueError, ssl.SSLError):
        raise Refused("certificate", "is no certificate in PEM") from None
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
    except ssl.SSLError as error:
        raise _explain(error) from None
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Refused("certificate", f"and its key cannot be read from {certificate} and {key}: {reason}") from None
    try:
        _trust(context, papers.ca)
    except (ValueError, ssl.SSLError):
        raise Refused("ca", "has no certificate of an authority in PEM") from None
    return context


def verdict_on(error: ssl.SSLCertVerificationError) -> str:
    """Return what is wrong with the certificate that was shown."""
    return _VERDICTS.get(error.verify_code) or f"its certificate is refused by OpenSSL: {error.verify_message}"


def _bare_context() -> ssl.SSLContext:
    """Return what shows nothing yet, and lets in nobody but who shows a certificate that it can judge."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= _OPTIONS
    context.num_tickets = 0
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _trust(context: ssl.SSLContext, pem: bytes) -> None:
    """:raise ValueError, ssl.SSLError: there is no certificate in it, or one that cannot be read."""
    found = _PEM.findall(pem)
    if not found:
        raise ValueError("no certificate")
    context.load_verify_locations(cadata=b"\n".join(found).decode("ascii"))


def _put(pem: bytes, place: int) -> None:
    """Have a descriptor be a file with a text in it."""
    made = os.memfd_create("papers") if _HAS_MEMORY_FILES else anonymous_file()
    try:
        with open(made, "wb", closefd=False) as file:
            file.write(pem)
        os.lseek(made, 0, os.SEEK_SET)
        os.dup2(made, place)
    finally:
        os.close(made)


def _explain(error: ssl.SSLError) -> Refused:
    reason = error.reason or ""
    if reason in _MISMATCHES:
        return Refused("key", "is not the key of the certificate that stands first")
    if reason.startswith(("EE_", "CA_")):
        return Refused("certificate", f"is refused by OpenSSL: {reason.lower().replace('_', ' ')}")
    return Refused("key", "is no key in PEM")


#: the last one is that of a key of another kind, for which OpenSSL has a place of its own
_MISMATCHES = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
#: X509_V_ERR_... of openssl/x509_vfy.h
_VERDICTS = {
    2: "its certificate is of an authority whose own issuer is not among ours",
    7: "its certificate was not signed by whom it names",
    9: "its certificate is not good yet",
    10: "its certificate has expired, or that of its authority",
    18: "its certificate is of no authority",
    19: "its certificate is of another authority",
    20: "its certificate is of another authority",
    21: "its certificate is of another authority",
    23: "its certificate was revoked",
    26: "its certificate is not that of a client",
    79: "its certificate was signed by one that is of no authority",
}
