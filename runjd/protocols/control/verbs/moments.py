"""Places and times in a log, as a client gives them; a ValueError reads on from the name of the argument."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runjd.policy.facts import LogPosition
from runjd.protocols.control.verbs.values import MAX_SECONDS

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Moment:
    """
    A time: itself, or so long before now.

    :ivar at: the time, None where it is told by its age.
    :ivar age: seconds before now.
    """

    __slots__ = ("age", "at")

    def __init__(self, at: datetime | None, age: float = 0.0) -> None:
        self.at = at
        self.age = age

    def stamp(self, now: float) -> str:
        """Return the time as it stands in a log, which can be compared as text."""
        at = self.at if self.at is not None else datetime.fromtimestamp(now, UTC) - timedelta(seconds=self.age)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond:06d}000Z"


def moment(text: str) -> Moment:
    """A time of RFC 3339, in UTC where it says nothing else, or an age such as 90s, 10m, 2h and 1d."""
    number, unit = text[:-1], text[-1:]
    if unit in _UNITS and number.isascii() and number.isdigit() and len(number) < 9:
        age = int(number) * _UNITS[unit]
        if age <= MAX_SECONDS:
            return Moment(None, age)
    try:
        at = datetime.fromisoformat(text)
        return Moment(at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError):
        raise ValueError("must be a time such as 2026-11-23T15:01:20Z, or an age such as 10m") from None


def place(text: str) -> LogPosition | Moment:
    """A position, as ``next=`` gives it, or what :func:`moment` takes."""
    number, colon, offset = text.partition(":")
    if colon and number.isascii() and number.isdigit() and offset.isascii() and offset.isdigit() and len(text) < 40:
        return LogPosition(int(number), int(offset))
    try:
        return moment(text)
    except ValueError:
        raise ValueError(
            "must be a position as next= gives it, a time such as 2026-11-23T15:01:20Z, or an age such as 10m"
        ) from None
