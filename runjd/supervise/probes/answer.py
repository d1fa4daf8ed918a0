"""What comes of a probe."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runjd.values import Value

#: characters of an answer that are kept
TEXT_MAX = 200


class Answer(Value):
    """
    Yes or no.

    :ivar text: why, for people.
    :ivar counts: False: nobody could ask, which says nothing of the jail.
    """

    is_yes: bool
    text: str = ""
    counts: bool = True


class Question(Protocol):
    """One question; asked once."""

    def ask(self, answered: Callable[[Answer], None], over: Callable[[], None]) -> None:
        """
        Ask.

        :param answered: called once, unless it is abandoned before.
        :param over: called once, when nothing of the question is left; behind ``answered``.
        """

    def abandon(self) -> None:
        """Nobody waits for the answer any more: end what is under way."""


def clean(text: str) -> str:
    """Return what a jail said, so that it can be shown on any terminal."""
    return "".join(each if each.isprintable() else " " for each in text[: 4 * TEXT_MAX]).strip()[:TEXT_MAX]
