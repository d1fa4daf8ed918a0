"""What a check of the host found."""

from __future__ import annotations

from runjd.values import Value

GOOD = "good"
#: something works less well, or not at all, that not everybody needs
LACKING = "lacking"
#: jails cannot be made
BAD = "bad"


class Finding(Value):
    """
    One thing that was looked at.

    :ivar subject: what, in a word or two.
    :ivar level: GOOD, LACKING or BAD.
    :ivar text: how it is.
    :ivar advice: what to do, empty where nothing is to be done.
    """

    subject: str
    level: str
    text: str
    advice: str = ""
