"""The check of logs finds what is lost, doubled and damaged."""

from __future__ import annotations

from runjd.logs.formats.table import FORMATS
from tests.soak.book import Run
from tests.soak.jailed import line
from tests.soak.loglines import faults_of, lines_of

_SEED = 3
_RUNS = [
    Run("web", 1, 10, 1, 100.0, 101.0, 5, outs=4, errs=0),
    Run("web", 2, 11, 1, 102.0, 103.0, 6, outs=3, errs=0),
]
_ALL = [(run.number, number) for run in _RUNS for number in range(1, run.outs + 1)]
_NEVER: tuple[tuple[float, float, int], ...] = ()
_ALWAYS = ((0.0, 1e12, 10_000),)


def _log(pieces: list[bytes], partial: tuple[int, ...] = ()) -> bytes:
    """Return a log in the form cri; those of the given places are parts of lines."""
    head = FORMATS["cri"].head
    return b"".join(
        head(b"2026-11-30T12:00:00.000000000Z", "out", place in partial) + piece.rstrip(b"\n") + b"\n"
        for place, piece in enumerate(pieces)
    )


def _pieces() -> list[bytes]:
    return [line(_SEED, "web", run, "out", number) for run, number in _ALL]


def _faults(log: bytes, excuses: tuple[tuple[float, float, int], ...] = _NEVER) -> tuple[list[str], int]:
    faults, gaps = faults_of(lines_of([log], "out"), _RUNS, "out", _SEED, excuses)
    return faults, len(gaps)


def test_a_whole_log_is_right() -> None:
    """Each line once, in order, also where one comes in parts."""
    pieces = _pieces()
    assert _faults(_log(pieces)) == ([], 0)
    assert _faults(_log([*pieces[:2], pieces[2][:7], pieces[2][7:], *pieces[3:]], partial=(2,))) == ([], 0)


def test_a_line_that_is_lost_is_found() -> None:
    """At the beginning, in the middle, and at the end of a run; unless a death excuses so many bytes."""
    for place in range(len(_ALL)):
        pieces = _pieces()
        lost = pieces.pop(place)
        faults, gaps = _faults(_log(pieces))
        assert (len(faults), gaps) == (1, 1)
        assert _faults(_log(pieces), _ALWAYS) == ([], 1)
        assert len(_faults(_log(pieces), ((0.0, 1e12, len(lost) - 1),))[0]) == 1


def test_a_line_that_is_doubled_or_damaged_is_found() -> None:
    """No death excuses that; only beside a gap there may be a part of a line."""
    pieces = _pieces()
    assert len(_faults(_log([*pieces, pieces[-1]]), _ALWAYS)[0]) == 1
    assert len(_faults(_log([*pieces[:3], pieces[1], *pieces[3:]]), _ALWAYS)[0]) == 1
    assert len(_faults(_log([*pieces[:3], pieces[3][5:], *pieces[3:]]), _ALWAYS)[0]) == 1
    assert _faults(_log([*pieces[:3], pieces[3][5:], *pieces[4:]]), _ALWAYS) == ([], 1)
