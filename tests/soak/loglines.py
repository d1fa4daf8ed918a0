"""Whether the log of a jail has each line that its program wrote, once and in order."""

from __future__ import annotations

import calendar
import re
import time
import zlib
from collections.abc import Iterable, Sequence

from runjd.logs.formats.table import FORMATS
from runjd.values import Value
from tests.soak.book import Run
from tests.soak.jailed import line

#: what a daemon may have read, and not written yet, when it is killed
CHUNK = 262_144
_LINE = re.compile(rb"(\d+) (out|err) (\d+) \.*")


class Logged(Value):
    """A whole line of a log; ``run`` is 0 for what is none of the program's lines."""

    at: float
    run: int
    number: int


class Gap(Value):
    """
    Lines that are missing.

    :ivar after, before: when the lines beside it were logged.
    """

    after: float
    before: float
    first: tuple[int, int]
    count: int
    bytes: int


def lines_of(contents: Iterable[bytes], stream: str) -> list[Logged]:
    """Return the lines of one stream, of the contents of all files of a log in the form cri."""
    decode = FORMATS["cri"].decode
    found, pending = [], b""
    for record in b"".join(contents).split(b"\n"):
        if not record:
            continue
        each = decode(record)
        assert each.at != "-", f"this is no record: {record[:200]!r}"
        if each.stream != stream:
            continue
        pending += each.text
        if not each.partial:
            found.append(_logged(each.at, pending, stream))
            pending = b""
    return found


def faults_of(
    lines: Sequence[Logged], runs: Sequence[Run], stream: str, seed: int, excuses: Sequence[tuple[float, float, int]]
) -> tuple[list[str], list[Gap]]:
    """
    Compare a stream of a log with what was written.

    :param excuses: from when to when what was on its way may be lost, and how many bytes of it.
    :return: what is wrong, and the gaps, also those that are excused.
    """
    faults, gaps = [], []
    expected = _expected(lines, runs, stream)
    place, garbage, last_at = 0, 0, runs[0].began if runs else 0.0
    for each in (*lines, Logged(float("inf"), -1, 0)):
        if each.run == 0:
            garbage += 1
            continue
        is_end = each.run < 0
        try:
            here = len(expected) if is_end else expected.index((each.run, each.number), place)
        except ValueError:
            faults.append(f"run {each.run}, line {each.number} of {stream} is there twice, or was not written")
            continue
        if here > place:
            missing = expected[place:here]
            size = sum(len(line(seed, runs[0].jail, run, stream, number)) for run, number in missing)
            gaps.append(Gap(last_at, each.at, missing[0], len(missing), size))
        elif garbage:
            faults.append(f"{garbage} pieces of lines before run {each.run}, line {each.number} of {stream}")
        place, garbage, last_at = here + 1, 0, each.at
    for gap in gaps:
        fits = [size for begin, end, size in excuses if gap.after - 0.5 <= end and begin <= gap.before + 0.5]
        if sum(fits) < gap.bytes:
            faults.append(f"{gap.count} lines of {stream} are missing, and {sum(fits)} bytes are excused: {gap}")
    return faults, gaps


def _expected(lines: Sequence[Logged], runs: Sequence[Run], stream: str) -> list[tuple[int, int]]:
    seen: dict[int, int] = {}
    for each in lines:
        seen[each.run] = max(seen.get(each.run, 0), each.number)
    expected = []
    for run in runs:
        told = run.outs if stream == "out" else run.errs
        count = told if run.status is not None else seen.get(run.number, 0)
        expected += [(run.number, number) for number in range(1, count + 1)]
    return expected


def _logged(at: str, text: bytes, stream: str) -> Logged:
    whole, _, check = text.rpartition(b" ")
    match = _LINE.fullmatch(whole)
    seconds = calendar.timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) + float("0." + at[20:].rstrip("Z"))
    if match is None or match[2].decode() != stream or check != b"%08x" % zlib.crc32(whole):
        return Logged(seconds, 0, 0)
    return Logged(seconds, int(match[1]), int(match[3]))
