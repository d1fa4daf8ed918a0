"""Frames of ttrpc out of bytes."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.protocols.ttrpc.frames import DATA_MAX, HEADER_SIZE, Frame, FrameReader, Oversize, format_frame

FRAMES = st.builds(
    Frame,
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.integers(0, 255),
    st.binary(max_size=300) | st.just(b"x" * 70_000),
)


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut data at positions, which may be anywhere."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(0), max_size=8))
def test_frames_come_out_however_the_stream_is_cut(frames, cuts):
    """What was written is read, and nothing is held once the last frame is complete."""
    reader = FrameReader()
    stream = b"".join(format_frame(each.stream, each.kind, each.data, each.flags) for each in frames)

    found = [each for piece in pieces_of(stream, cuts) for each in reader.feed(piece)]

    assert found == frames
    assert reader.is_between


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_no_bytes_are_wrong(pieces):
    """Whatever comes in, it is frames, or begins one; bytes are neither lost nor made up."""
    reader = FrameReader()
    found = [each for piece in pieces for each in reader.feed(piece)]
    whole = FrameReader()

    assert found == whole.feed(b"".join(pieces))
    assert all(len(each.data) <= DATA_MAX if isinstance(each, Frame) else each.size > DATA_MAX for each in found)


@given(st.integers(DATA_MAX + 1, 3 * DATA_MAX), st.lists(st.integers(0), max_size=6), FRAMES)
def test_a_frame_that_is_too_long_is_told_at_once_and_skipped(size, cuts, after):
    """It is told by its header alone; the frame behind it is read as if it had not been there."""
    reader = FrameReader()
    header = size.to_bytes(4, "big") + (7).to_bytes(4, "big") + b"\1\0"
    rest = bytes(size) + format_frame(after.stream, after.kind, after.data, after.flags)

    assert reader.feed(header) == [Oversize(7, 1, size)]
    assert [each for piece in pieces_of(rest, cuts) for each in reader.feed(piece)] == [after]
    assert reader.is_between


def test_a_frame_that_is_too_long_is_not_held():
    """Of a frame of 4 GiB less one byte, no more than the piece that is being read is in memory."""
    reader = FrameReader()
    size = 2**32 - 1
    piece = bytes(1 << 20)
    tracemalloc.start()
    found = reader.feed(size.to_bytes(4, "big") + (1).to_bytes(4, "big") + b"\1\0" + piece)
    for _ in range(100):
        found += reader.feed(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert found == [Oversize(1, 1, size)]
    assert peak < 3 * len(piece) + 100_000


def test_the_longest_frame_is_a_frame():
    """4 MiB of data are allowed, and one byte more is not."""
    longest = format_frame(1, 1, bytes(DATA_MAX))

    assert [len(each.data) for each in FrameReader().feed(longest)] == [DATA_MAX]
    assert len(longest) == HEADER_SIZE + DATA_MAX
    with pytest.raises(ValueError, match="at most 4194304 bytes"):
        format_frame(1, 1, bytes(DATA_MAX + 1))
