"""An event that containerd has not taken yet: the next daemon tells it, where this one does not come to that."""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from typing import Any


class Untold:
    """
    One event of one task.

    :param request: what containerd's method takes.
    :param pid: of the process whose end it tells of; 0: it tells of something else.
    :param exec_id: of that process; empty for init.
    :ivar is_sent: it is on its way, by this daemon.
    """

    __slots__ = ("exec_id", "is_sent", "pid", "request", "topic")

    def __init__(self, topic: str, request: bytes, pid: int = 0, exec_id: str = "") -> None:
        self.topic = topic
        self.request = request
        self.pid = pid
        self.exec_id = exec_id
        self.is_sent = False

    def to_json(self) -> list[object]:
        """Return what the next daemon must know."""
        return [self.topic, b2a_base64(self.request, newline=False).decode("ascii"), self.pid, self.exec_id]


def untold_from_json(document: Any) -> Untold:
    """Return an event as it was written down. :raise ValueError: it cannot be read."""
    try:
        topic, request, pid, exec_id = document
        return Untold(topic, a2b_base64(request), pid, exec_id)
    except (TypeError, ValueError) as error:
        raise ValueError(f"no event: {error!r}") from error
