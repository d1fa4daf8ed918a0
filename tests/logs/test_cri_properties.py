"""Whatever a program writes can be put together again from its log."""

from hypothesis import given
from hypothesis import strategies as st

from runjd.logs import cri
from runjd.logs.lines import LineSplitter

AT = b"2026-11-23T15:01:20.102113000Z"
# newlines as often as anything else, so that lines of all lengths around the limit come up
TEXT = st.lists(st.sampled_from([b"\n", b"a", b"\x00", b"\xff\r", b"F P ", b"xxxx"]), max_size=60).map(b"".join)


def joined(log: bytes) -> bytes:
    """Return what the program wrote."""
    lines = [cri.decode(record) for record in log.split(b"\n")[:-1]]
    return b"".join(line.text if line.partial else line.text + b"\n" for line in lines)


@given(TEXT | st.binary(max_size=300), st.integers(1, 9))
def test_a_chunk_comes_back_byte_for_byte(text, limit):
    """Formatting a chunk loses nothing, and no record is longer than the limit."""
    log = cri.encode(AT, "out", text, limit)

    assert joined(log) == text
    assert all(len(cri.decode(record).text) <= limit for record in log.split(b"\n"))


@given(st.lists(st.tuples(TEXT, st.booleans()), max_size=12), st.integers(1, 9))
def test_a_stream_comes_back_however_it_is_cut(chunks, limit):
    """Chunks of any size, flushed at any time, give the stream back, and never more than a limit is kept."""
    splitter = LineSplitter(limit)
    log = b""
    for chunk, flushes in chunks:
        log += cri.encode(AT, "err", splitter.feed(chunk), limit)
        assert len(splitter.pending) < limit
        if flushes:
            log += cri.encode(AT, "err", splitter.flush(), limit)
    log += cri.encode(AT, "err", splitter.flush(), limit)

    assert joined(log) == b"".join(chunk for chunk, _ in chunks)


@given(st.binary(max_size=120))
def test_any_line_of_a_file_can_be_read(record):
    """No bytes in a log make the reader fail."""
    cri.decode(record)
