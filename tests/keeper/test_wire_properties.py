"""The codec of the keeper's wire, for all messages and all ways to cut a stream."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from runjd.keeper.wire import DESCRIPTORS_MAX, Frame, FrameReader, WireError, encode

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
_FRAMES = st.lists(
    st.builds(Frame, st.dictionaries(st.text(), _JSON, max_size=4), st.integers(0, DESCRIPTORS_MAX)), max_size=6
)


@given(_FRAMES, st.lists(st.integers(0, 400), max_size=20))
def test_any_cut_of_a_stream_gives_the_same_frames(frames: list[Frame], cuts: list[int]) -> None:
    """However a stream of frames is cut, exactly these frames come out, each as soon as it is whole."""
    stream = b"".join(encode(frame.message, frame.descriptors) for frame in frames)
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]

    reader = FrameReader()
    got = [frame for start, end in itertools.pairwise(places) for frame in reader.feed(stream[start:end])]

    assert got == frames
    assert not reader.is_within_frame


@given(st.text(st.characters(codec=None), max_size=40))
def test_any_text_travels(text: str) -> None:
    """Every string travels unchanged, also one with a lone surrogate, as an undecodable file name has."""
    assert FrameReader().feed(encode({"path": text})) == [Frame({"path": text})]


@given(st.binary(max_size=64))
def test_garbage_is_an_error_or_waits_for_more(data: bytes) -> None:
    """No bytes make the codec fail in another way than by its own error."""
    reader = FrameReader()
    try:
        frames = reader.feed(data)
    except WireError:
        return

    assert all(isinstance(frame.message, dict) for frame in frames)
