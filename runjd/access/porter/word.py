"""
What the porter says of a connection, before the bytes of whoever came: one line, in front of them. Pure.

``+ NAME...`` is who came, by the names of the certificate, of which there may be none; ``- REASON`` is why nobody
came in.  Whoever has taken over the porter can say what he likes, and no more than that: the line is bounded, and
names are read as strictly as those of a certificate.
"""

from __future__ import annotations

from collections.abc import Sequence

from runjd.access.names import is_name
from runjd.errors import SyntaxFault

#: descriptor of the socket by which the porter gets connections, and what he says on standard output once he takes them
DESK, READY = 3, "ready"
#: what he is asked on standard input, and what he says to that
ASK, ALIVE = b"?", "alive"
#: bytes of the line; names that do not fit are left out
WORD_MAX = 8192
_REASON_MAX = 200
_IN, _OUT = b"+", b"-"


def format_names(names: Sequence[str]) -> bytes:
    """Return the line of somebody who came in."""
    line = _IN
    for each in names:
        longer = line + b" " + each.encode("ascii")
        if len(longer) < WORD_MAX:
            line = longer
    return line + b"\n"


def format_reason(reason: str) -> bytes:
    """Return the line of somebody who was turned away."""
    return _OUT + b" " + printable(reason).encode("ascii") + b"\n"


def parse_word(line: bytes) -> tuple[tuple[str, ...], str]:
    """
    Return the names, or none and the reason.

    :param line: without the newline.
    :raise SyntaxFault: it is neither.
    """
    kind, rest = line[:1], line[1:].decode("ascii", "replace").removeprefix(" ")
    if kind == _OUT:
        return (), printable(rest) or "no reason was said"
    names = tuple(rest.split(" ")) if rest else ()
    if kind != _IN or not all(is_name(each) for each in names):
        raise SyntaxFault("the process that speaks TLS says what makes no sense")
    return names, ""


def printable(text: str) -> str:
    """Return the beginning of a text, as it can be shown in a line of a log."""
    return "".join(each if each.isascii() and each.isprintable() else "?" for each in text)[:_REASON_MAX]
