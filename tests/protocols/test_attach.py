"""Tests for :mod:`runjd.protocols.attach`."""

from __future__ import annotations

import pytest

from runjd.errors import SyntaxFault
from runjd.protocols.attach import (
    MAX_FRAME,
    Frame,
    FrameReader,
    format_frame,
    format_frames,
    format_named,
    parse_named,
    parse_size,
)


@pytest.mark.parametrize(
    "raw",
    [
        b"O 01\n",
        b"O 65537\n",
        b"O\n",
        b"O \n",
        b"O -1\n",
        b"o 1\n",
        b"O 1\r\n",
        b"OO 1\n",
        b"O 1234567",
        b"\n",
        b"O x\n",
    ],
)
def test_what_is_no_frame_is_refused(raw: bytes) -> None:
    """A length has no leading zeros and is at most 65536; a type is one capital letter."""
    with pytest.raises(SyntaxFault):
        FrameReader().feed(raw)


def test_the_largest_frame() -> None:
    """A frame holds 65536 bytes; more takes several frames."""
    data = bytes(range(256)) * 257
    with pytest.raises(ValueError, match="at most 65536"):
        format_frame("O", data)
    pieces = format_frames("O", data)
    assert [frame.data for frame in FrameReader().feed(b"".join(pieces))] == [data[:MAX_FRAME], data[MAX_FRAME:]]
    assert format_frames("O", b"") == []


def test_an_unknown_frame_is_skipped_without_being_held() -> None:
    """Bytes of a frame of a newer version are dropped as they come."""
    reader = FrameReader()
    assert reader.feed(b"Q 65536\n" + b"x" * 65535) == []
    assert not reader.is_between
    assert reader.feed(b"xI 0\n") == [Frame("I", b"")]


def test_half_a_frame_is_seen() -> None:
    """A peer that dies in the middle of a frame can be told from one that ended properly."""
    reader = FrameReader()
    reader.feed(b"I 10\nabc")
    assert not reader.is_between


@pytest.mark.parametrize("data", [b"", b"0 0", b"24", b"24 80 1", b"24  80", b"65535 1", b"a b", b"-1 5"])
def test_sizes_that_no_terminal_has_are_refused(data: bytes) -> None:
    """Neither zero nor huge windows are accepted."""
    with pytest.raises(SyntaxFault):
        parse_size(data)


def test_named_values_come_back() -> None:
    """G and X frames hold key=value."""
    [frame] = FrameReader().feed(format_named("X", [("exit", "0")]))
    assert parse_named(frame.data) == {"exit": "0"}
    with pytest.raises(SyntaxFault):
        parse_named(b"\xff")


def test_a_key_that_is_there_twice_is_no_frame():
    """It is refused as other nonsense is."""
    with pytest.raises(SyntaxFault, match="given twice"):
        parse_named(b"exit=0 exit=1")
