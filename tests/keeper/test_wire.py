"""Frames that a peer must not send, and the ones at the limits."""

import struct

import pytest

from runjd.keeper.wire import DESCRIPTORS_MAX, MESSAGE_MAX, Frame, FrameReader, WireError, encode


def test_the_form_of_a_frame() -> None:
    """A frame is the length of its JSON, the number of descriptors, and the JSON."""
    assert encode({"m": "ready"}, 2) == b"\x0d\x00\x00\x00\x02\x00" + b'{"m":"ready"}'


def test_the_largest_message_passes() -> None:
    """A message of the greatest length passes, one byte more does not."""
    padding = MESSAGE_MAX - len('{"x":""}')

    assert FrameReader().feed(encode({"x": "a" * padding})) == [Frame({"x": "a" * padding})]
    with pytest.raises(WireError, match="1048577 bytes"):
        encode({"x": "a" * (padding + 1)})


def test_too_many_descriptors_are_refused() -> None:
    """A frame that announces more descriptors than a message can bring is refused by either side."""
    assert FrameReader().feed(encode({}, DESCRIPTORS_MAX)) == [Frame({}, DESCRIPTORS_MAX)]
    with pytest.raises(WireError, match="251 descriptors"):
        encode({}, DESCRIPTORS_MAX + 1)
    with pytest.raises(WireError, match="251 descriptors"):
        FrameReader().feed(struct.pack("<IH", 2, 251))


def test_an_overlong_frame_is_refused_by_its_header() -> None:
    """A frame that is too long is refused before its body is kept."""
    with pytest.raises(WireError, match="4294967295 bytes"):
        FrameReader().feed(struct.pack("<IH", 2**32 - 1, 0))


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"1", b'"m"', b"null", b"{", b'{"m":"\xff"}', b"[" * 100_000])
def test_garbage_is_refused(body: bytes) -> None:
    """A body that is no JSON object in UTF-8 is a clear error."""
    with pytest.raises(WireError, match="a message that is no JSON"):
        FrameReader().feed(struct.pack("<IH", len(body), 0) + body)
