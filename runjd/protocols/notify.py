"""
What a program says to ``NOTIFY_SOCKET``: lines of ``KEY=value`` in one datagram. Pure.

sd_notify(3).  Who sends is in a jail, so what it says of itself is cut and cleaned
before anybody sees it, and all but ``READY`` and ``STATUS`` is passed over.
"""

from __future__ import annotations

from runjd.values import Value

#: bytes of a datagram that is looked at; systemd's own limit
DATAGRAM_MAX = 4096
#: characters of a status that are kept
STATUS_MAX = 200


class Notice(Value):
    """
    What one datagram says.

    :ivar is_ready: it said READY=1.
    :ivar status: what it says of itself, for people; None: nothing.
    """

    is_ready: bool = False
    status: str | None = None


def read_datagram(data: bytes) -> Notice:
    """Return what a datagram says; one that is too long says nothing."""
    if len(data) > DATAGRAM_MAX:
        return Notice()
    is_ready, status = False, None
    for line in data.split(b"\n"):
        key, _, value = line.partition(b"=")
        if key == b"READY" and value == b"1":
            is_ready = True
        elif key == b"STATUS":
            status = _clean(value)
    return Notice(is_ready, status)


def _clean(value: bytes) -> str:
    """Return what can be shown on any terminal."""
    text = value.decode("utf-8", "replace")[: 4 * STATUS_MAX]
    return "".join(each if each.isprintable() else "?" for each in text).strip()[:STATUS_MAX]
