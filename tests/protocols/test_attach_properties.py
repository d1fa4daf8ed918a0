"""Properties of :mod:`runjd.protocols.attach`."""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SyntaxFault
from runjd.protocols.attach import (
    TYPES,
    Frame,
    FrameReader,
    format_frame,
    format_size,
    parse_size,
)

frames = st.builds(Frame, st.sampled_from("OEIWPCGXAZ"), st.binary(max_size=30))


@given(st.lists(frames), st.lists(st.integers(0, 400)))
def test_any_split_gives_the_same_frames(sent: list[Frame], cuts: list[int]) -> None:
    """Frames come back however the bytes are split; types that are not known are skipped."""
    stream = b"".join(format_frame(frame.kind, frame.data) for frame in sent)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    expected = [frame for frame in sent if frame.kind in TYPES]
    reader, single = FrameReader(), FrameReader()
    found = [frame for start, end in pairwise(places) for frame in reader.feed(stream[start:end])]
    assert found == expected
    assert reader.is_between
    assert [frame for byte in stream for frame in single.feed(bytes((byte,)))] == expected


@given(st.lists(st.one_of(st.binary(max_size=10), st.sampled_from([b"O 3\n", b"Z 60000\n", b"I 0\n"]))))
def test_any_bytes_are_read_or_refused(pieces: list[bytes]) -> None:
    """No bytes raise anything but the documented error."""
    reader = FrameReader()
    with suppress(SyntaxFault):
        for piece in pieces:
            reader.feed(piece)


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_sizes_come_back(rows: int, columns: int) -> None:
    """A W frame holds rows and columns."""
    [frame] = FrameReader().feed(format_size(rows, columns))
    assert parse_size(frame.data) == (rows, columns)
