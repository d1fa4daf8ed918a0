"""All sessions that there are, whatever process they look on at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runjd.errors import no_session
from runjd.policy.facts import SessionFacts


class Guest(Protocol):
    """One session, as the book knows it."""

    def facts(self) -> SessionFacts:
        """Return what is to be told of it."""

    def dismiss(self, by: str) -> None:
        """End it, and tell its viewer who wanted that."""


class GuestBook:
    """Numbers sessions from 1; a number is used once in the life of a daemon."""

    __slots__ = ("_guests", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._guests: dict[int, Guest] = {}

    def enter(self, guest: Guest) -> int:
        """Take in a session; return its number."""
        self._last += 1
        self._guests[self._last] = guest
        return self._last

    def leave(self, number: int) -> None:
        """The session is over."""
        self._guests.pop(number, None)

    def facts(self, jail: str = "") -> Sequence[SessionFacts]:
        """Return the sessions of one jail, or all."""
        found = [guest.facts() for guest in self._guests.values()]
        return [each for each in found if not jail or each.jail == jail]

    def dismiss(self, number: int, by: str) -> SessionFacts:
        """Close a session; return what it was. :raise NotFound: there is none of that number."""
        guest = self._guests.get(number)
        if guest is None:
            raise no_session(number)
        facts = guest.facts()
        guest.dismiss(by)
        return facts
