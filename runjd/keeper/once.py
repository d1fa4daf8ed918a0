"""What is done once, though it is asked for again: a daemon that died before it heard the answer has a next one."""

from __future__ import annotations

#: marks that are remembered; those that come again are those that were not answered when a daemon died
_MAX = 256


class Once:
    """Marks of what was done, each chosen by whoever asks; empty: asked for once only."""

    def __init__(self) -> None:
        self._marks: dict[str, None] = {}

    def __contains__(self, mark: str) -> bool:
        """Whether that was done."""
        return mark in self._marks

    def add(self, mark: str) -> None:
        """It is done."""
        if mark:
            self._marks[mark] = None
            if len(self._marks) > _MAX:
                del self._marks[next(iter(self._marks))]

    def discard(self, mark: str) -> None:
        """It was not done after all."""
        self._marks.pop(mark, None)
