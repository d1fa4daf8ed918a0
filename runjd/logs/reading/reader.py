"""
Reading one log: from a place, a time or the last lines on, through all its files, and on as it grows.

The file that is read stays open, so that it is read to its end although it is
rotated, compressed or removed meanwhile.  Nothing but a page is held.  A last
record without its newline is still being written, and is not seen; in a raw log,
where a newline is the program's own, it is.
"""

from __future__ import annotations

from runjd.errors import BadArgument
from runjd.logs.reading.chain import Chain, Link
from runjd.logs.reading.records import LONGEST, end_of, find_time, first_stamp, form_of, tail
from runjd.policy.facts import LogLine, LogPage, LogPosition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.logs.formats.contract import Format
    from runjd.policy.facts import LogQuery

#: a page is at least so long that one record fits
SMALLEST_PAGE = 32_768


class LogReader:
    """
    Reads one log once.

    :param path: of the file that is written now.
    :param expected: the form that the log has now.
    :param query: which lines are wanted.
    :param is_following: there is no end to it; else it ends where the log ends when it is opened.
    :raise BadArgument: the log has no such place, or its form does not tell what is asked for.
    :raise InputOutput: it cannot be read.
    """

    __slots__ = ("_chain", "_end", "_expected", "_form", "_link", "_missing", "_query", "_seen", "position")

    def __init__(self, path: str, expected: str, query: LogQuery, is_following: bool) -> None:
        self._chain = Chain(path)
        self._expected = expected
        self._query = query
        self._link: Link | None = None
        self._form: Format | None = None
        self._missing = 0
        self._seen: object = None
        self.position = LogPosition(1, 0)
        self._end: LogPosition | None = None
        self._check()
        try:
            end = self._end_of_log()
            if query.position is not None and query.position > end:
                raise BadArgument(
                    f"log: since= is behind the end of the log, which is {end.number}:{end.offset}",
                    verb="log",
                    arg="since",
                )
            if query.until:
                end = self._place_of(query.until, end)
            self.position = self._beginning(end)
            self._end = None if is_following else end
        except BaseException:
            self.close()
            raise

    def read(self, limit: int) -> LogPage:
        """
        Return whole records, about ``limit`` bytes of them, as far as they are meant.

        :raise InputOutput: it cannot be read.
        """
        while True:
            state = self._state()
            if block := self._block(max(limit, SMALLEST_PAGE)):
                missing, self._missing = self._missing, 0
                return LogPage(self._lines(block), self.position, False, missing)
            if not self._go_on():
                self._seen = state
                return LogPage((), self.position, True)

    def has_grown(self) -> bool:
        """Whether anything of the log changed since the last page. :raise InputOutput: it cannot be looked at."""
        return self._state() != self._seen

    def close(self) -> None:
        """Let go of the file."""
        if self._link is not None:
            self._link.source.close()
            self._link = None

    # --- where to begin and to end ----------------------------------------------

    def _check(self) -> None:
        query = self._query
        if self._expected != "raw" or not (query.since or query.until or query.stream):
            return
        key = "stream" if query.stream else "since" if query.since else "until"
        wanted = "which stream a line is of" if query.stream else "when a line was written"
        raise BadArgument(
            f"log: {key}= does not go: a log of the form raw does not tell {wanted}; "
            "use lines=, or a position as in next=",
            verb="log",
            arg=key,
        )

    def _end_of_log(self) -> LogPosition:
        number = self._chain.numbers()[-1]
        self._open(number)
        if self._link is None or self._form is None:
            return LogPosition(number, 0)
        return LogPosition(self._link.number, end_of(self._link.source, self._form))

    def _beginning(self, end: LogPosition) -> LogPosition:
        query = self._query
        begin = LogPosition(self._chain.numbers()[0], 0)
        if query.position is not None:
            self._missing = max(0, begin.number - query.position.number)
            begin = max(begin, query.position)
        if query.since:
            begin = max(begin, self._place_of(query.since, end))
        if query.lines is not None:
            begin = max(begin, self._tail(query.lines, begin, end))
        return begin

    def _place_of(self, stamp: str, end: LogPosition) -> LogPosition:
        """Return the place of the first record of that time or later."""
        place = end
        for number in reversed([each for each in self._chain.numbers() if each <= end.number]):
            self._open(number)
            if self._link is None or self._form is None:
                continue
            source, form = self._link.source, self._form
            if first_stamp(source, form) >= stamp:
                place = LogPosition(number, 0)
                continue
            limit = end.offset if number == end.number else end_of(source, form)
            found = find_time(source, form, limit, stamp)
            return LogPosition(number, found) if found < limit else place
        return place

    def _tail(self, count: int, begin: LogPosition, end: LogPosition) -> LogPosition:
        """Return the place of the last so many records that are meant."""
        place = end
        for number in reversed([each for each in self._chain.numbers() if begin.number <= each <= end.number]):
            if count <= 0:
                break
            self._open(number)
            if self._link is None or self._form is None:
                continue
            source, form, stream = self._link.source, self._form, self._query.stream
            limit = end.offset if number == end.number else end_of(source, form)
            is_meant = (lambda record: form.decode(record).stream == stream) if stream else None  # noqa: B023
            offset, found = tail(source, limit, count, is_meant)
            place = LogPosition(number, offset)
            count -= found
        return place

    # --- going through ------------------------------------------------------------

    def _open(self, number: int) -> None:
        """Have this file open, if it is there."""
        if self._link is not None and self._link.number == number:
            return
        self.close()
        self._link = self._chain.open(number)
        self._form = form_of(self._link.source, self._expected) if self._link is not None else None

    def _block(self, size: int) -> bytes:
        """Return whole records from our place on, and go behind them; nothing where there are no more in this file."""
        number, offset = self.position
        end = self._end
        if end is not None and self.position >= end:
            return b""
        self._open(number)
        link, form = self._link, self._form
        if link is None or form is None:
            return b""
        if link.is_last and link.source.size() < offset:
            offset = 0  # somebody cut it
        most = LONGEST
        if end is not None and number == end.number:
            most = max(0, min(most, end.offset - offset))
        block = link.source.read_at(offset, min(size, most))
        while form.is_framed and b"\n" not in block and len(block) == size < most:
            size = min(2 * size, most)
            block = link.source.read_at(offset, size)
        cut = block.rfind(b"\n") + 1
        if not form.is_framed or (not cut and len(block) == LONGEST):
            cut = len(block)  # no record of ours is that long; give it out in pieces rather than stand still
        self.position = LogPosition(number, offset + cut)
        return block[:cut]

    def _go_on(self) -> bool:
        """Go to the next file, or look once more where this one was renamed; False at the end of the log."""
        link, number = self._link, self.position.number
        if self._end is not None and self.position >= self._end:
            return False
        numbers = self._chain.numbers()
        newest = numbers[-1]
        if newest < number and link is not None and self._chain.is_last(link.source):
            # All rotated files were removed, and with them the numbers.
            number = newest
            link = self._link = link._replace(number=number)
            self.position = self.position._replace(number=number)
        if newest == number and (link is None or link.is_last):
            now = self._chain.identity()
            if link is None or now is None or now == link.source.identity or self._is_empty():
                return False  # nothing was renamed, or nothing is in the new one: a line may still end in ours
        if link is not None and link.is_last:
            self._link = link._replace(is_last=False)  # what came before it was renamed is still read
            return True
        behind = [each for each in numbers if each > number] or [newest]
        self._missing += max(0, behind[0] - number - 1)
        self.close()
        self.position = LogPosition(behind[0], 0)
        return True

    def _is_empty(self) -> bool:
        """Whether the file that is written now has nothing in it."""
        link = self._chain.open(self.position.number)
        if link is None:
            return True
        try:
            return link.source.size() == 0
        finally:
            link.source.close()

    def _state(self) -> object:
        """Return what is different whenever something was written, rotated, renamed or cut."""
        link, now = self._link, self._chain.identity()
        newest = self._chain.numbers()[-1] if now is None else 0
        return (now, newest, link.source.size() if link is not None else -1)

    def _lines(self, block: bytes) -> tuple[LogLine, ...]:
        form = self._form
        if form is None:
            return ()
        *records, rest = block.split(b"\n")
        lines = [form.decode(record) for record in records]
        if rest:
            lines.append(form.decode(rest)._replace(partial=True))
        stream = self._query.stream
        return tuple(line for line in lines if not stream or line.stream == stream)
