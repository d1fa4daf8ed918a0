"""LOG: the log of a jail, page by page from its file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from runjd.errors import BadArgument
from runjd.interfaces import ILog
from runjd.policy.facts import LogLine
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_text
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.logfiles import JAILS, is_deed, tend
from runjd.protocols.control.verbs.query import ID
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import log_lines, number, yes

LINES = Argument("lines", log_lines, "N|all")
FOLLOW = Argument("follow", yes, "yes|no")
SINCE = Argument("since", number(0, 2**62), "POSITION")

DEFAULT_LINES = 100
#: bytes that are read from the log at once
PAGE = 32 * 1024


async def log(call: Call) -> Reply:
    """LOG."""
    if is_deed(call):
        return await tend(call)
    asked = call.arguments
    follows = asked.get(FOLLOW, default=False)
    if follows and not call.tag:
        raise BadArgument("log: follow=yes needs a tag, so that it can be cancelled", verb="log", arg="follow")
    source = call.controller.log(asked.need(ID))
    position = await _beginning(source, asked.get(LINES), asked.get(SINCE))
    if follows:
        await call.connection.follow(_follow(call.tag, source, position))
        return Reply([])
    fields: list[tuple[str, str]] = []
    return Reply(fields, pages=_read(call.tag, source, position, await source.tail(0), fields))


async def _beginning(source: ILog, lines: int | None, since: int | None) -> int:
    """Return the position to read from."""
    if since is None:
        lines = DEFAULT_LINES if lines is None else lines
        return 0 if lines < 0 else await source.tail(lines)
    if lines is not None:
        raise BadArgument("log: lines= and since= do not go together", verb="log", arg="lines")
    end = await source.tail(0)
    if since > end:
        raise BadArgument(f"log: since= is behind the end of the log, which is {end}", verb="log", arg="since")
    return since


async def _read(
    tag: str, source: ILog, position: int, end: int, fields: list[tuple[str, str]]
) -> AsyncIterator[Sequence[bytes]]:
    """Yield the lines from the position to the end, and tell how many there were and where they end."""
    count = 0
    while position < end:
        page = await source.read(position, PAGE)
        if not page.lines:
            break
        count += len(page.lines)
        position = page.next
        yield format_lines(tag, page.lines)
    fields += [("lines", str(count)), ("next", str(position))]


async def _follow(tag: str, source: ILog, position: int) -> AsyncIterator[Sequence[bytes]]:
    """Yield the lines from the position on, and what comes later, without end."""
    while True:
        page = await source.read(position, PAGE)
        position = page.next
        if page.lines:
            yield format_lines(tag, page.lines)
        else:
            await source.when_grown(position)


def format_lines(tag: str, lines: Sequence[LogLine]) -> list[bytes]:
    """Return the lines of text that carry these lines of a log."""
    found: list[bytes] = []
    for line in lines:
        found += format_text(tag, line.text, line.partial, f"{line.at} {line.stream} ")
    return found


HELP = "The log of a jail, its last lines by default; rotate, reopen: the files of logs."
VERBS = (Verb("LOG", "observer", HELP, log, (ID, JAILS), (LINES, FOLLOW, SINCE)),)
