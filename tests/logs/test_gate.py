"""What is left out of a log that cannot be written in time."""

import re

from hypothesis import given
from hypothesis import strategies as st

from runjd.logs.gate import Gate

_NOTICE = re.compile(rb"\[runjd: (\d+) bytes, (\d+) lines?, were left out here: [^\n]*\]\n")


def test_what_is_written_in_time_goes_through_as_it_is():
    """Not a byte more or less."""
    gate = Gate()

    assert [gate.admit(each, False) for each in (b"a\nb", b"", b"c\n")] == [b"a\nb", b"", b"c\n"]
    assert gate.notice() == b""


def test_a_gap_is_a_line_that_counts_what_is_missing():
    """It stands where the lines would."""
    gate = Gate()
    gate.admit(b"a\n", False)

    assert gate.admit(b"b\nc\n", True) == b""
    assert gate.lost == 4

    assert gate.admit(b"d\n", False).startswith(b"[runjd: 4 bytes, 2 lines, were left out here")
    assert gate.lost == 0


def test_a_line_is_left_out_to_its_end():
    """Its end alone would be taken for a line."""
    gate = Gate()
    gate.admit(b"a\nhead ", True)

    assert gate.admit(b"more ", False) == b""
    admitted = gate.admit(b"tail\nwhole\n", False)

    assert admitted.startswith(b"[runjd: 17 bytes, 2 lines, ")
    assert admitted.endswith(b"]\nwhole\n")


def test_a_gap_within_a_line_begins_a_line_of_its_own():
    """What is in the log of that line already is ended."""
    gate = Gate()
    gate.admit(b"begin", False)
    gate.admit(b" and end\n", True)

    assert gate.admit(b"next\n", False).startswith(b"\n[runjd: 9 bytes, 1 line, ")


@given(st.lists(st.tuples(st.sampled_from([b"x", b"x\n", b"\n", b"x\ny", b""]), st.booleans()), max_size=30))
def test_every_byte_is_in_the_log_or_counted(chunks):
    """And what is in the log is a whole line, except where the log had its beginning."""
    gate = Gate()
    written = b"".join(gate.admit(data, is_full) for data, is_full in chunks) + gate.notice()

    counted = sum(int(found[1]) for found in _NOTICE.finditer(written))
    kept = _NOTICE.sub(b"", written)
    total = sum(len(data) for data, _ in chunks)
    ended = len(kept) + counted - total
    assert 0 <= ended <= len(_NOTICE.findall(written))
    lines = sum(int(found[2]) for found in _NOTICE.finditer(written))
    assert kept.count(b"\n") - ended + lines == sum(data.count(b"\n") for data, _ in chunks)
