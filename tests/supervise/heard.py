"""Somebody who hears the events of one jail."""

from collections.abc import Mapping


class Heard:
    """
    Keeps what he hears.

    :ivar words: of the events.
    :ivar details: theirs.
    """

    def __init__(self) -> None:
        self.words: list[str] = []
        self.details: list[Mapping[str, object]] = []

    def emit(self, ev: str, details: Mapping[str, object]) -> None:
        """Hear one."""
        self.words.append(ev)
        self.details.append(details)
