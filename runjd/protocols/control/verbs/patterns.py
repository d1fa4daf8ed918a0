"""Jails that are named by their ids, or by patterns with * and ?, as sh(1) has them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from runjd.protocols.control.call import Call
from runjd.protocols.control.verbs.arguments import Argument
from runjd.spec.ids import ID_MAX, check_id

_WILD = frozenset("*?[")


def id_or_pattern(text: str) -> str:
    """The id of a jail, or a pattern."""
    if not is_pattern(text):
        return check_id(text)
    if len(text) > ID_MAX:
        raise ValueError(f"must be a pattern of at most {ID_MAX} characters")
    return text


IDS = Argument("ID", id_or_pattern, is_repeated=True)


def is_pattern(text: str) -> bool:
    """Whether it may match several jails."""
    return not _WILD.isdisjoint(text)


def chosen(call: Call, words: Sequence[str]) -> list[str] | None:
    """
    Return the jails that are named, each word's by id. None: nobody was named, so all.

    A pattern matches those jails with which the same is allowed, perhaps none.
    """
    if not words:
        return None
    ids: list[str] = []
    known = [facts.id for facts in call.jails()] if any(map(is_pattern, words)) else []
    for word in words:
        ids += [id for id in known if fnmatchcase(id, word)] if is_pattern(word) else [word]
    return ids
