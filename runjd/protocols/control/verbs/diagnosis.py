"""The verb about the daemon's health: METRICS."""

from __future__ import annotations

from collections.abc import Iterator

from runjd.policy.access import DAEMON
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_text
from runjd.protocols.control.verbs.table import Verb


async def metrics(call: Call) -> Reply:
    """METRICS."""
    lines = (await call.diagnosis.metrics()).splitlines()
    return Reply([("lines", str(len(lines)))], body=_text(call.tag, lines))


def _text(tag: str, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield from format_text(tag, line)


VERBS = (
    Verb("METRICS", "admin", "Everything that is measured, in the text format of Prometheus.", metrics, about=DAEMON),
)
