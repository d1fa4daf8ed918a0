"""
The way of runjctl(8) to a daemon behind TLS.

What comes out is a plain socket, so that nothing else has to know: a thread carries bytes between
it and the connection that speaks TLS.  The server has to show a certificate of the authority that
we were given, for the name that we were told (RFC 6125, by service_identity).
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress

from runjd.access.carrying import Carriage
from runjd.errors import Denied, InputOutput, RunjdError, Unsupported
from runjd.runtime.packages import missing
from runjd.values import Value

#: seconds for the connection and its handshake
PATIENCE = 10.0


class Papers(Value):
    """Paths of what a client shows, and of the authority that it trusts."""

    certificate: str
    key: str
    ca: str


class Way(Value):
    """
    A way to a daemon.

    :ivar socket: plain; what is read and written there goes through TLS.
    :ivar trouble: returns why it ended, where it ended badly.
    """

    socket: socket.socket
    trouble: Callable[[], RunjdError | None]


def dial(host: str, port: int, papers: Papers) -> Way:
    """
    Connect, show our certificate, and check the daemon's.

    :raise RunjdError: naming what was wrong, and what to do.
    """
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    context = _context(papers)
    try:
        plain = socket.create_connection((host, port), PATIENCE)
    except socket.gaierror:
        raise InputOutput(f"no host named {host} is known; see the name behind tls:") from None
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else "it does not answer"
        raise InputOutput(f"no daemon at {place}: {reason}; see its key daemon.tls.listen, and its log") from None
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected = context.wrap_socket(plain, server_hostname=None if _is_address(host) else host)
    except (OSError, ValueError) as error:
        plain.close()
        raise _explain(error, place, papers) from None
    try:
        _check_name(connected, host, place)
        # whether the daemon takes our certificate is known with its first bytes only (TLS 1.3)
        first = connected.recv(65536)
    except RunjdError:
        connected.close()
        raise
    except OSError as error:
        connected.close()
        raise _explain(error, place, papers) from None
    return _carried(connected, first, lambda error: _explain(error, place, papers))


def _carried(connected: ssl.SSLSocket, first: bytes, explain: Callable[[OSError], RunjdError]) -> Way:
    ours, theirs = socket.socketpair()
    troubles: list[RunjdError] = []

    def work() -> None:
        try:
            Carriage(connected, theirs, first).run()
        except OSError as error:
            troubles.append(explain(error))
        finally:
            with suppress(OSError):
                connected.close()
            theirs.close()

    threading.Thread(target=work, name="runjctl-tls", daemon=True).start()
    return Way(ours, lambda: troubles[0] if troubles else None)


def _context(papers: Papers) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False  # service_identity does
    context.verify_mode = ssl.CERT_REQUIRED
    for what, option, path in (
        ("certificate", "cert", papers.certificate),
        ("key", "key", papers.key),
        ("authority", "ca", papers.ca),
    ):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            raise InputOutput(
                f"the {what} {path}: {reason}; name it by --{option}, or make one by runjctl certs"
            ) from None
    try:
        context.load_verify_locations(papers.ca)
    except ssl.SSLError:
        raise InputOutput(f"{papers.ca} has no certificate of an authority in PEM; see --ca") from None
    try:
        context.load_cert_chain(papers.certificate, papers.key, password=lambda: b"")
    except ssl.SSLError:
        raise InputOutput(
            f"{papers.certificate} and {papers.key} are no certificate and its key in PEM, without a password; "
            "see --cert and --key"
        ) from None
    return context


def _check_name(connected: ssl.SSLSocket, host: str, place: str) -> None:
    try:
        from cryptography.x509 import load_der_x509_certificate
        from service_identity import CertificateError, VerificationError
        from service_identity.cryptography import (
            extract_patterns,
            verify_certificate_hostname,
            verify_certificate_ip_address,
        )
    except ImportError as error:
        raise Unsupported("", missing("--host", error)) from None
    certificate = load_der_x509_certificate(connected.getpeercert(binary_form=True) or b"")
    verify = verify_certificate_ip_address if _is_address(host) else verify_certificate_hostname
    try:
        verify(certificate, host)
    except (VerificationError, CertificateError):
        try:
            named = ", ".join(
                sorted(str(getattr(each, "pattern", each)) for each in _shown(extract_patterns(certificate)))
            )
        except CertificateError:
            named = ""
        raise Denied(
            f"the certificate of {place} is for {named or 'nobody'}, not for {host}; use a name that it has, "
            "or give the daemon another certificate"
        ) from None


def _shown(patterns: object) -> list[str]:
    """Return the names of a certificate as text."""
    found = []
    for each in patterns:  # type: ignore[attr-defined]
        value = each.pattern
        found.append(
            value.decode("ascii", "replace") if isinstance(value, bytes) else str(getattr(value, "pattern", value))
        )
    return found


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


def _explain(error: Exception, place: str, papers: Papers) -> RunjdError:
    """Return what a failure of TLS means."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return Denied(f"the certificate of {place} has expired; the daemon needs another one, and a reload")
        if error.verify_code == _NOT_YET:
            return Denied(f"the certificate of {place} is not good yet; see the clocks of both hosts")
        return Denied(
            f"the certificate of {place} is not of the authority of {papers.ca} ({error.verify_message}); "
            "see --ca, or somebody else answers there"
        )
    if isinstance(error, ssl.SSLError) and error.reason:
        known = _ALERTS.get(error.reason.removeprefix("TLSV13_").removeprefix("TLSV1_").removeprefix("SSLV3_"))
        if known is not None:
            return Denied(f"the daemon at {place} does not let us in: {known.format(papers.certificate)}")
        return InputOutput(f"no TLS with {place}: {error.reason.lower().replace('_', ' ')}; see the log of the daemon")
    if isinstance(error, TimeoutError):
        return InputOutput(f"{place} does not answer; it may be busy, or no daemon: try again, or see its log")
    return InputOutput(f"{place} closed the connection before it said anything; the log of the daemon says why")


#: X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of openssl/x509_vfy.h
_NOT_YET, _EXPIRED = 9, 10
_AGAIN = "; get another one (runjctl certs client makes them)"
_ALERTS = {
    "ALERT_CERTIFICATE_REQUIRED": "we showed no certificate",
    "ALERT_CERTIFICATE_EXPIRED": "our certificate {} has expired, or is not good yet" + _AGAIN,
    "ALERT_CERTIFICATE_REVOKED": "our certificate {} was revoked" + _AGAIN,
    "ALERT_UNKNOWN_CA": "our certificate {} is not of its authority" + _AGAIN,
    "ALERT_BAD_CERTIFICATE": "our certificate {} is not good, or not yet; see the clocks of both hosts" + _AGAIN,
    "ALERT_UNSUPPORTED_CERTIFICATE": "our certificate {} is not that of a client" + _AGAIN,
    "ALERT_DECRYPT_ERROR": "our certificate {} is not of its authority, or our key is another one's" + _AGAIN,
    "ALERT_PROTOCOL_VERSION": "it speaks another version of TLS",
}
