"""LOG: the log of a jail, page by page from its files."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence

from runjd.errors import BadArgument
from runjd.interfaces import ILogReader
from runjd.policy import access
from runjd.policy.facts import LogLine, LogPosition, LogQuery
from runjd.protocols.control.call import Call, Reply
from runjd.protocols.control.reply import format_comment, format_text
from runjd.protocols.control.verbs.arguments import Argument
from runjd.protocols.control.verbs.logfiles import JAILS, deed_of, is_deed, jails_of, tend
from runjd.protocols.control.verbs.moments import moment, place
from runjd.protocols.control.verbs.query import ID
from runjd.protocols.control.verbs.table import Verb
from runjd.protocols.control.verbs.values import log_lines, one_of, yes

LINES = Argument("lines", log_lines, "N|all")
FOLLOW = Argument("follow", yes, "yes|no")
SINCE = Argument("since", place, "POSITION|TIME")
UNTIL = Argument("until", moment, "TIME")
STREAM = Argument("stream", one_of("out", "err"), "out|err")

DEFAULT_LINES = 100
#: bytes that are read from the log at once
PAGE = 32 * 1024


async def log(call: Call) -> Reply:
    """LOG."""
    if is_deed(call.arguments):
        return await tend(call)
    asked = call.arguments
    follows = asked.get(FOLLOW, default=False)
    if follows and not call.tag:
        raise BadArgument("log: follow=yes needs a tag, so that it can be cancelled", verb="log", arg="follow")
    if follows and asked.get(UNTIL) is not None:
        raise BadArgument("log: until= and follow=yes do not go together", verb="log", arg="until")
    reader = await call.controller.log(asked.need(ID)).open(_query(call), follows)
    if follows:
        await call.connection.follow(_follow(call.tag, reader))
        return Reply([])
    fields: list[tuple[str, str]] = []
    return Reply(fields, pages=_read(call.tag, reader, fields))


def _query(call: Call) -> LogQuery:
    asked = call.arguments
    lines, since, until = asked.get(LINES), asked.get(SINCE), asked.get(UNTIL)
    if lines is None and since is None:
        lines = DEFAULT_LINES
    now = call.now()
    return LogQuery(
        lines=None if lines is None or lines < 0 else lines,
        position=since if isinstance(since, LogPosition) else None,
        since="" if since is None or isinstance(since, LogPosition) else since.stamp(now),
        until="" if until is None else until.stamp(now),
        stream=asked.get(STREAM, ""),
    )


async def _read(tag: str, reader: ILogReader, fields: list[tuple[str, str]]) -> AsyncGenerator[Sequence[bytes]]:
    """Yield the lines that are there, and tell how many there were, where they end, and how many files are missing."""
    count = missing = 0
    try:
        while not (page := await reader.read(PAGE)).is_end:
            count += len(page.lines)
            missing += page.missing
            yield format_lines(tag, page.lines)
    finally:
        reader.close()
    fields += [("lines", str(count)), ("next", f"{page.next.number}:{page.next.offset}")]
    if missing:
        fields.append(("missing", str(missing)))


async def _follow(tag: str, reader: ILogReader) -> AsyncGenerator[Sequence[bytes]]:
    """Yield the lines that are there, and what comes later, without end."""
    try:
        while True:
            page = await reader.read(PAGE)
            if page.missing:
                yield [format_comment(f"{page.missing} files of the log were removed before they could be read")]
            if page.lines:
                yield format_lines(tag, page.lines)
            if page.is_end:
                await reader.when_grown()
    finally:
        reader.close()


def format_lines(tag: str, lines: Sequence[LogLine]) -> list[bytes]:
    """Return the lines of text that carry these lines of a log."""
    found: list[bytes] = []
    for line in lines:
        found += format_text(tag, line.text, line.partial, f"{line.at} {line.stream} ")
    return found


HELP = "The log of a jail, its last lines by default; rotate, reopen: the files of logs."
VERBS = (
    Verb(
        "LOG",
        "observer",
        HELP,
        log,
        (ID, JAILS),
        (LINES, FOLLOW, SINCE, UNTIL, STREAM),
        about=access.JAILS,
        jails=jails_of,
        deed=deed_of,
    ),
)
