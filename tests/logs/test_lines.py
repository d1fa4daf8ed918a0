"""Lines out of chunks."""

from runjd.logs.lines import LineSplitter


def test_an_unfinished_line_waits_for_its_rest():
    """Only whole lines are given out."""
    splitter = LineSplitter()

    assert splitter.feed(b"one\ntw") == b"one\n"
    assert splitter.pending == b"tw"
    assert splitter.feed(b"o") == b""
    assert splitter.feed(b"\n") == b"two\n"
    assert splitter.pending == b""


def test_a_flush_gives_the_unfinished_line_once():
    """What was flushed is not kept."""
    splitter = LineSplitter()
    splitter.feed(b"prompt> ")

    assert splitter.flush() == b"prompt> "
    assert splitter.flush() == b""


def test_a_line_that_never_ends_takes_no_memory():
    """Less than the limit is kept, whatever comes."""
    splitter = LineSplitter(limit=1000)

    given = b"".join(splitter.feed(b"x" * 999) for _ in range(50))

    assert len(splitter.pending) < 1000
    assert len(given) + len(splitter.pending) == 999 * 50
