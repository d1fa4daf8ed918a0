"""
Until when a certificate is good: read off its bytes, so that nobody loads OpenSSL for that.

A certificate is DER (ITU-T X.690); the way to its validity is in RFC 5280, 4.1.
"""

from __future__ import annotations

import re
from binascii import Error, a2b_base64
from datetime import UTC, datetime
from math import inf

from runjd.access.papers import Papers

#: days before the end of a certificate from which on that is told
FEW_DAYS = 14
_EACH = re.compile(rb"-----BEGIN (?:X509 )?CERTIFICATE-----(.*?)-----END", re.DOTALL)
_SEQUENCE, _INTEGER, _UTC_TIME, _TIME, _VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0


def days_left(papers: Papers) -> dict[str, float]:
    """
    Return for how many days the files of a listener are good, by their keys; negative where one is not any more.

    Of a certificate and those that lead to its authority the first to end counts, of authorities the last.

    :return: infinity where that cannot be told: OpenSSL takes what is not quite right.
    """
    return {
        "certificate": min(each_left(papers.certificate), default=inf),
        "ca": max(each_left(papers.ca), default=inf),
    }


def each_left(pem: bytes, now: datetime | None = None) -> list[float]:
    """Return for how many days each certificate of a text is good, as :func:`days_left` does."""
    now = now or datetime.now(UTC)
    found = []
    for match in _EACH.finditer(pem):
        try:
            found.append((_end_of(a2b_base64(match[1])) - now).total_seconds() / 86400)
        except (ValueError, IndexError, Error):
            found.append(inf)
    return found


def _end_of(der: bytes) -> datetime:
    body = _content(_content(der, _SEQUENCE)[0], _SEQUENCE)[0]
    if body[0] == _VERSION:
        body = _content(body, _VERSION)[1]
    for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, algorithm, issuer
        body = _content(body, tag)[1]
    start_and_end = _content(body, _SEQUENCE)[0]
    last = _content(start_and_end, start_and_end[0])[1]
    text = _content(last, last[0])[0].decode("ascii")
    if last[0] == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: 50 to 99 are of the last century
        text = ("19" if text >= "50" else "20") + text
    elif last[0] != _TIME:
        raise ValueError("no time")
    if len(text) != 15 or text[-1] != "Z":
        raise ValueError("no time of RFC 5280")
    month, day, hour, minute, second = (int(text[begin : begin + 2]) for begin in range(4, 14, 2))
    return datetime(int(text[:4]), month, day, hour, minute, second, tzinfo=UTC)


def _content(der: bytes, tag: int) -> tuple[bytes, bytes]:
    """Return what the first value holds, which has to be of a kind, and what follows it."""
    if der[0] != tag:
        raise ValueError("another kind of value")
    length, begin = der[1], 2
    if length & 0x80:
        begin += length & 0x7F
        length = int.from_bytes(der[2:begin], "big")
    end = begin + length
    if end > len(der):
        raise ValueError("it ends too early")
    return der[begin:end], der[end:]
