"""Records in a file of a log: which form they have, and how they are found from both ends, and by time."""

from __future__ import annotations

from runjd.logs.formats.table import FORMATS
from runjd.logs.reading.source import BLOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runjd.logs.formats.contract import Format
    from runjd.logs.reading.source import Source

#: a record that is longer is no record; it is given out in pieces
LONGEST = 1 << 20


def form_of(source: Source, expected: str) -> Format:
    """
    Return the form of a file, by its first records.

    :param expected: the form that the log has now; its older files may have another.
    """
    if expected == "raw":
        return FORMATS["raw"]
    block = source.read_at(0, BLOCK)
    records = block.split(b"\n")[:-1]
    if not records:
        return FORMATS[expected]
    for name in dict.fromkeys((expected, *FORMATS)):
        if name != "raw" and any(FORMATS[name].decode(record).at != "-" for record in records):
            return FORMATS[name]
    return FORMATS["raw"]


def end_of(source: Source, form: Format) -> int:
    """Return the place behind the last record that is whole; what is raw is always whole."""
    end = source.size()
    if not form.is_framed:
        return end
    if not source.is_seekable:
        return end  # it is not written any more
    while end > 0:
        begin = max(0, end - BLOCK)
        newline = source.read_at(begin, end - begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def records_between(source: Source, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Yield place and text of each record, without its newline."""
    rest = b""
    position = begin
    while position < end:
        block = source.read_at(position, min(BLOCK, end - position))
        if not block:
            break
        at = position - len(rest)
        position += len(block)
        *whole, rest = (rest + block).split(b"\n")
        for record in whole:
            yield at, record
            at += len(record) + 1
        if len(rest) > LONGEST:
            yield at, rest
            rest = b""
    if rest:
        yield position - len(rest), rest


def tail(source: Source, end: int, count: int, is_meant: Callable[[bytes], bool] | None) -> tuple[int, int]:
    """
    Return the place of the last ``count`` records before ``end``, and how many there are behind it.

    :param is_meant: whether a record counts; None: each does.
    """
    if count <= 0:
        return end, 0
    if not source.is_seekable:
        return _tail_forward(source, end, count, is_meant)
    if is_meant is None:
        return _tail_by_newlines(source, end, count)
    found = 0
    begin, rest = end, b""
    while begin > 0:
        size = min(BLOCK, begin)
        begin -= size
        data = source.read_at(begin, size) + rest
        head = 0 if begin == 0 else data.find(b"\n") + 1
        if begin and not head and len(data) < LONGEST:
            rest = data
            continue
        at = begin + len(data)
        for record in reversed(data[head:].split(b"\n")):
            at -= len(record)
            if record and is_meant(record):
                found += 1
                if found == count:
                    return at, found
            at -= 1
        rest = data[:head]
    return 0, found


def find_time(source: Source, form: Format, end: int, stamp: str) -> int:
    """Return the place of the first record of that time or later; ``end`` where there is none."""
    low, high = 0, end
    if source.is_seekable:
        # Between low and high is the record that is looked for; what is before low is older.
        while high - low > BLOCK:
            middle = (low + high) // 2
            place, at = _first_stamp(source, form, middle, high)
            if at and at < stamp:
                low = place
            else:
                high = middle
    for place, record in records_between(source, low, end):
        at = form.decode(record).at
        if at != "-" and at >= stamp:
            return place
    return end


def first_stamp(source: Source, form: Format) -> str:
    """Return the time of the first record that has one within the first blocks, empty where none has."""
    for _, record in records_between(source, 0, 2 * BLOCK):
        at = form.decode(record).at
        if at != "-":
            return at
    return ""


def _first_stamp(source: Source, form: Format, middle: int, high: int) -> tuple[int, str]:
    """Return place and time of the first whole record behind the middle that has one; empty where there is none."""
    is_torn = True
    for place, record in records_between(source, middle, high):
        if is_torn:  # what the middle cuts is no record
            is_torn = False
            continue
        at = form.decode(record).at
        if at != "-":
            return place, at
    return high, ""


def _tail_by_newlines(source: Source, end: int, count: int) -> tuple[int, int]:
    """As :func:`tail`, at the speed of C."""
    is_ended = source.read_at(end - 1, 1) == b"\n" if end else False
    missing = count + is_ended  # the newline at the very end is not one between records
    begin = end
    while begin > 0:
        size = min(BLOCK, begin)
        begin -= size
        block = source.read_at(begin, size)
        seen = block.count(b"\n")
        if seen >= missing:
            at = len(block)
            for _ in range(missing):
                at = block.rindex(b"\n", 0, at)
            return begin + at + 1, count
        missing -= seen
    return 0, count - missing + 1 if end else 0


def _tail_forward(source: Source, end: int, count: int, is_meant: Callable[[bytes], bool] | None) -> tuple[int, int]:
    """As :func:`tail`, in two passes from the beginning."""
    total = sum(1 for _, record in records_between(source, 0, end) if is_meant is None or is_meant(record))
    skipped = max(0, total - count)
    for place, record in records_between(source, 0, end):
        if is_meant is None or is_meant(record):
            if not skipped:
                return place, min(total, count)
            skipped -= 1
    return end, 0
