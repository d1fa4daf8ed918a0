"""
The certificate, the key and the authority as bytes, and what OpenSSL makes of them.

The daemon reads the files, as it may; the porter, who may read none, is given the bytes.
"""

from __future__ import annotations

import re
import warnings
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator

from OpenSSL import SSL, crypto
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from zope.interface import implementer

from runjd.access.credentials import judged_context
from runjd.values import Value

_PEM = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----.*?-----END (?:X509 )?CERTIFICATE-----", re.DOTALL)


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
        """Return them for the porter."""
        return [b2a_base64(each, newline=False).decode("ascii") for each in self]


def papers_from_json(document: list[str]) -> Papers:
    """Return what the daemon has read."""
    return Papers(*(a2b_base64(each) for each in document))


@implementer(IOpenSSLServerConnectionCreator)
class Showing:
    """
    Shows a certificate; the creator of connections of a TLSMemoryBIOFactory.

    :raise ValueError: the papers cannot be used.
    """

    def __init__(self, papers: Papers) -> None:
        try:
            with warnings.catch_warnings():
                # what pyOpenSSL wants since 24.3 instead, earlier ones do not take
                warnings.simplefilter("ignore", DeprecationWarning)
                self._context = _context_of(papers)
        except (SSL.Error, crypto.Error) as error:
            raise ValueError(f"certificate, key or authority cannot be used: {error}") from error

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:
        """Return what a new connection speaks with."""
        return SSL.Connection(self._context, None)


def _context_of(papers: Papers) -> SSL.Context:
    context = judged_context()
    own, *chain = _certificates(papers.certificate)
    context.use_certificate(own)
    for each in chain:
        context.add_extra_chain_cert(each)
    context.use_privatekey(crypto.load_privatekey(crypto.FILETYPE_PEM, papers.key))
    context.check_privatekey()
    authorities = list(_certificates(papers.ca))
    store = context.get_cert_store()
    assert store is not None
    for each in authorities:
        store.add_cert(each)
    context.set_client_ca_list([each.get_subject() for each in authorities])
    return context


def _certificates(pem: bytes) -> Iterator[crypto.X509]:
    for each in _PEM.findall(pem):
        yield crypto.load_certificate(crypto.FILETYPE_PEM, each)
