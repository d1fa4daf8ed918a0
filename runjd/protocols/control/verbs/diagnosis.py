"""The verbs about the daemon's health: METRICS DUMP."""

from __future__ import annotations

from collections.abc import Iterator

from runjd.policy.access import DAEMON
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_record, format_text
from runjd.protocols.control.verbs.table import Verb


async def metrics(call: Call) -> Reply:
    """METRICS."""
    lines = (await call.diagnosis.metrics()).splitlines()
    return Reply([("lines", str(len(lines)))], body=_text(call.tag, lines))


def dump(call: Call) -> Reply:
    """DUMP."""
    return Reply([], body=_parts(call))


def _parts(call: Call) -> Iterator[bytes]:
    for name, lines in call.diagnosis.dump():
        yield format_record(call.tag, [("part", name)])
        for line in lines:
            yield from format_text(call.tag, line.encode("utf-8", "surrogateescape"))


def _text(tag: str, lines: list[bytes]) -> Iterator[bytes]:
    for line in lines:
        yield from format_text(tag, line)


VERBS = (
    Verb("METRICS", "admin", "Everything that is measured, in the text format of Prometheus.", metrics, about=DAEMON),
    Verb("DUMP", "admin", "What a report of a fault should have, part by part.", dump, about=DAEMON),
)
