"""Properties of :mod:`runjd.protocols.control.lines`."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import RunjdError
from runjd.protocols.control.lines import LineReader

# streams with many line ends and lines around the limit
streams = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([b"\n", b"\r\n", b"status\n", b"\xff\n", b"\xc3\xa9"]),
        st.text().map(str.encode),
    )
).map(b"".join)


def read(pieces: list[bytes], max_line: int = 16) -> list[str]:
    """Return lines, and errors by their code, of a connection that sent the pieces and closed."""
    reader = LineReader(max_line)
    found: list[str | RunjdError] = []
    for piece in pieces:
        reader.feed(piece)
        found.extend(reader.lines())
        assert reader.pending < max_line
    if (last := reader.finish()) is not None:
        found.append(last)
    return [line if isinstance(line, str) else f"<{line.code}>" for line in found]


@given(streams, st.lists(st.integers(0, 400)))
def test_any_split_gives_the_same_lines(stream: bytes, cuts: list[int]) -> None:
    """How the bytes are split into packets does not matter, and less than a line is ever held."""
    places = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(places)]
    assert read(pieces) == read([stream]) == read([bytes((byte,)) for byte in stream])
