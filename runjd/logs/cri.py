"""
The CRI form of a log: ``2026-11-23T15:01:20.102113000Z stdout F text``.

One record a line; the tag ``F`` ends a line of the program, ``P`` says that
more of it follows, so that what was written can be put together again byte for
byte.  A whole chunk gets one time stamp and is formatted by one ``replace``,
which runs at the speed of C.
"""

from __future__ import annotations

from runjd.policy.facts import LogLine

#: bytes of text in one record; what is longer is cut (kubelet and containerd cut there too)
LINE_LIMIT = 16_384

_NAMES = {b"stdout": "out", b"stderr": "err"}
_WORDS = {"out": b"stdout", "err": b"stderr"}


def stamp(seconds: float) -> bytes:
    """Return wall time, in seconds since the epoch, as RFC 3339 in UTC with nanoseconds."""
    from time import gmtime

    whole = int(seconds // 1)
    year, month, day, hour, minute, second, *_ = gmtime(whole)
    micros = min(999_999, int((seconds - whole) * 1_000_000))
    return b"%04d-%02d-%02dT%02d:%02d:%02d.%06d000Z" % (year, month, day, hour, minute, second, micros)


def encode(at: bytes, stream: str, text: bytes, limit: int = LINE_LIMIT) -> bytes:
    """
    Return records for what a program wrote.

    What stands behind the last newline becomes a record with tag P.

    :param at: the time stamp of all of it, from :func:`stamp`.
    :param stream: out or err.
    :param limit: bytes of text in one record.
    """
    if not text:
        return b""
    head = at + b" " + _WORDS[stream]
    full, part = head + b" F ", head + b" P "
    pieces: list[bytes] = []
    position, size = 0, len(text)
    begin = 0  # of lines that are short enough, not yet written
    while position < size:
        newline = text.rfind(b"\n", position, position + limit + 1)
        if newline >= 0:
            position = newline + 1
            continue
        if begin < position:
            pieces.append(_lines(full, text[begin:position]))
        pieces += (part, text[position : position + limit], b"\n")
        position = begin = min(size, position + limit)
    if begin < size:
        pieces.append(_lines(full, text[begin:]))
    return b"".join(pieces)


def _lines(head: bytes, text: bytes) -> bytes:
    """Return the records of text that ends in a newline."""
    return head + text[:-1].replace(b"\n", b"\n" + head) + b"\n"


def decode(record: bytes) -> LogLine:
    """
    Return one record, given without its newline.

    A record that is no such thing (torn by a crash, or written by a stranger) comes back whole as the text
    of a line whose time is ``-``.
    """
    at, _, rest = record.partition(b" ")
    word, _, rest = rest.partition(b" ")
    stream = _NAMES.get(word)
    if stream is None or rest[1:2] != b" " or rest[:1] not in (b"F", b"P") or not at.isascii():
        return LogLine("-", "out", False, record)
    return LogLine(at.decode("ascii"), stream, rest[:1] == b"P", rest[2:])
