"""
Ids of jails and exec processes: what they may look like.

An id becomes a directory and a part of socket paths, of a log's name and of a
jail's name, so it is checked before it becomes anything.  The alphabet is that
of runc, which the engines above keep to.
"""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.spec.quote import quoted

#: bytes; with the longest suffix of ours it still fits into a file name (255)
ID_MAX = 200

_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.")
_RULE = f"an id is 1 to {ID_MAX} of the characters a-z A-Z 0-9 _ + - . and does not start with . or -"


def check_id(text: str) -> str:
    """
    Return the id, if it is one.

    :raise BadArgument: naming the first wrong character and its position, from 1.
    """
    if not text:
        raise BadArgument(f"the id is empty; {_RULE}")
    if not _ALPHABET.issuperset(text):
        position, wrong = next((n, each) for n, each in enumerate(text, 1) if each not in _ALPHABET)
        raise BadArgument(f"illegal id {quoted(text)}: character {position} is {quoted(wrong)}; {_RULE}")
    if len(text) > ID_MAX:
        raise BadArgument(f"illegal id {quoted(text)}: it has {len(text)} characters; {_RULE}")
    if text[0] in ".-":
        raise BadArgument(f"illegal id {quoted(text)}: it starts with {quoted(text[0])}; {_RULE}")
    return text
