"""Jails that are named by their ids, or by patterns with * and ?, as sh(1) has them."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from runjd.interfaces import IController
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


def chosen(controller: IController, words: Sequence[str]) -> list[str] | None:
    """Return the jails that are named, each word's by id; a pattern may match none. None: nobody was named, so all."""
    if not words:
        return None
    ids: list[str] = []
    known = [facts.id for facts in controller.jails()] if any(map(is_pattern, words)) else []
    for word in words:
        ids += [id for id in known if fnmatchcase(id, word)] if is_pattern(word) else [word]
    return ids
