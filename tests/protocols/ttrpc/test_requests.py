"""The rules of streams."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.protocols.ttrpc.frames import DATA, DATA_MAX, REQUEST, RESPONSE, Frame, format_frame
from runjd.protocols.ttrpc.requests import Refused, RequestReader
from runjd.protocols.ttrpc.status import INVALID_ARGUMENT, RESOURCE_EXHAUSTED


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from([REQUEST, RESPONSE, DATA, 9])), max_size=30))
def test_streams_are_odd_and_rise(frames):
    """Those that are and do are requests, in order; the others are refused on their own stream, or skipped."""
    found = RequestReader().feed(b"".join(format_frame(stream, kind, b"") for stream, kind in frames))
    taken = [each.stream for each in found if isinstance(each, Frame)]

    last = 0
    expected = []
    for stream, kind in frames:
        if kind == REQUEST and stream % 2 and stream > last:
            expected.append((stream, True))
            last = stream
        elif kind in (REQUEST, DATA):
            expected.append((stream, False))
    assert [(each.stream, isinstance(each, Frame)) for each in found] == expected
    assert taken == sorted(set(taken))
    assert {each.number for each in found if isinstance(each, Refused)} <= {INVALID_ARGUMENT}


def test_what_is_too_long_is_refused_on_its_stream_and_the_next_request_is_read():
    """RESOURCE_EXHAUSTED, and the connection goes on with a stream that is free still."""
    size = DATA_MAX + 1
    header = size.to_bytes(4, "big") + (5).to_bytes(4, "big") + b"\1\0"

    found = RequestReader().feed(header + bytes(size) + format_frame(5, REQUEST, b"again"))

    assert found == [
        Refused(5, RESOURCE_EXHAUSTED, "a message of 4194305 bytes, of which 4194304 are allowed"),
        Frame(5, REQUEST, 0, b"again"),
    ]
