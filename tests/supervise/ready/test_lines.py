"""A line of a jail's output that says that it is ready."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.supervise.ready.lines import LINE_MAX, READ_TIME, LineMatch


def still():
    """A clock that stands."""
    return 0.0


def fed(pattern, *chunks):
    """Return what each chunk of one stream said."""
    match = LineMatch(pattern, still)
    return [match.feed("out", chunk) for chunk in chunks]


def test_a_line_counts_once_it_is_whole():
    """Not before its end, and not in pieces: the pattern may look at the end of the line."""
    assert fed("listening$", b"now listen", b"ing", b" on port 80\nlistening", b"\n") == [False, False, False, True]


def test_the_streams_are_read_apart():
    """Half a line of each is no line."""
    match = LineMatch("^ready$", still)
    assert not match.feed("out", b"rea")
    assert not match.feed("err", b"dy\n")
    assert match.feed("out", b"dy\r\n")


def test_of_a_long_line_the_beginning_counts():
    """However long a line is, no more than its beginning is kept or looked at."""
    match = LineMatch("ready", still)
    assert not match.feed("out", b"x" * LINE_MAX + b"ready\n")
    for _ in range(100):
        assert not match.feed("out", b"y" * 100_000)
    assert len(match._rests["out"]) == LINE_MAX
    assert match.feed("out", b"\nready\n")


def test_what_is_no_text_is_no_trouble():
    """Bytes that are no UTF-8 match what stands for them, and the rest of the line counts."""
    assert fed("ready", b"\xff\xfe ready\n") == [True]


def test_what_takes_long_is_not_looked_at_to_its_end():
    """Of one read, lines are matched for so long; the next read, and the line that it continues, count again."""
    times = iter(range(1000))
    match = LineMatch("ready", lambda: next(times) * READ_TIME / 3)
    assert not match.feed("out", b"1\n2\n3\nready\nrea")
    assert match.feed("out", b"dy\n")
    assert match.feed("out", b"1\n2\nready\n")


def test_a_repeat_of_anything_at_the_start_changes_no_match():
    """Where the line is tried from its start only, the same lines match."""
    assert fed(".*b|c", b"xc\n", b"xb\n", b"x\n") == [True, True, False]
    assert fed(".+b", b"xxb\n", b"b\n") == [True, False]


@given(st.lists(st.sampled_from([b"a", b"ready", b"\n", b"\r\n", b"re", b"ady"])), st.data())
def test_how_it_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    """However output is read, a line that is the word is found, and nothing else."""
    text = b"".join(parts)
    match = LineMatch("^ready$", still)
    found = False
    while text:
        size = data.draw(st.integers(1, len(text)))
        found = match.feed("out", text[:size]) or found
        text = text[size:]
    whole = b"".join(parts).split(b"\n")[:-1]
    assert found == any(line.removesuffix(b"\r") == b"ready" for line in whole)
