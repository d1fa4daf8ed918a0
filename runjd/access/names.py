"""Whom a certificate names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: kinds of names of a subject alternative name, as ssl.SSLSocket.getpeercert() calls them, in the order of names
_KINDS = ("email", "DNS", "URI")


def names_of(certificate: Mapping[str, object]) -> Sequence[str]:
    """
    Return whom a certificate names: mail addresses, names of hosts and URIs of its subject alternative name.

    Names that could be mistaken for something else in a line of a log are left out; where one is not of ASCII, as all
    of them have to be (RFC 5280, 4.2.1.6), none counts.

    :param certificate: as ssl.SSLSocket.getpeercert() tells it.
    """
    said = certificate.get("subjectAltName", ())
    assert isinstance(said, tuple)
    found = [name for wanted in _KINDS for kind, name in said if kind == wanted]
    if not all(each.isascii() for each in found):
        return []
    return [each for each in found if is_name(each)]


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a principal."""
    return 0 < len(text) <= 253 and text.isascii() and text.isprintable() and not set(text) & set(" \"'\\*?[]")
