"""What a process wrote before somebody attached to it, from its log."""

from __future__ import annotations

from collections import deque
from contextlib import suppress

from runjd.errors import TimedOut
from runjd.interfaces import ILog, ISession
from runjd.policy.facts import LogQuery
from runjd.protocols.control.call import Call

#: bytes of a scrollback, whatever number of lines was asked for
MAX_SCROLLBACK = 262_144
#: lines of a scrollback
MAX_LINES = 10_000
#: seconds that a log which cannot be written now may delay who attaches
PATIENCE = 0.5

_PAGE = 65_536


async def scrollback(call: Call, log: ILog, session: ISession, lines: int) -> list[tuple[str, bytes]]:
    """
    Return stream and bytes of the last lines of a log before a session began.

    Nothing of the process is read until its log is settled and opened, a moment, so that not a byte comes twice
    or not at all.
    """
    session.hold_output()
    try:
        with suppress(TimedOut):  # what the disk refuses now is left out
            await call.within(log.settle(), PATIENCE, "the log")
        reader = await log.open(LogQuery(lines=lines))
    finally:
        session.release_output()
    found: deque[tuple[str, bytes]] = deque()
    size = 0
    try:
        while not (page := await reader.read(_PAGE)).is_end:
            for line in page.lines:
                found.append((line.stream, line.text if line.partial else line.text + b"\n"))
                size += len(found[-1][1])
            while size > MAX_SCROLLBACK:
                size -= len(found.popleft()[1])
    finally:
        reader.close()
    return list(found)
