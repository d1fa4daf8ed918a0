"""Whatever a program writes can be put together again from its log."""

from hypothesis import given
from hypothesis import strategies as st

from runjd.logs.formats.table import FORMATS
from runjd.logs.lines import LineEncoder

AT = b"2026-11-23T15:01:20.102113000Z"
# newlines as often as anything else, so that lines of all lengths around the limit come up
TEXT = st.lists(
    st.sampled_from(
        [b"\n", b"a", b"\x00", b"\xff\r", b"F P ", b"xxxx", b"\\", b"\\n", b'"', "ü".encode(), b"\xed\xa0\x80"]
    ),
    max_size=60,
).map(b"".join)
CHUNKS = st.lists(st.tuples(TEXT | st.binary(max_size=40), st.booleans()), max_size=12)
FORMS = st.sampled_from(list(FORMATS.values()))


def joined(form, log: bytes) -> bytes:
    """Return what the program wrote."""
    if not form.is_framed:
        return log
    lines = [form.decode(record) for record in log.split(b"\n")[:-1]]
    assert all(line.at == AT.decode() for line in lines)
    return b"".join(line.text if line.partial else line.text + b"\n" for line in lines)


@given(FORMS, CHUNKS, st.integers(1, 9))
def test_a_stream_comes_back_however_it_is_cut(form, chunks, limit):
    """Chunks of any size, flushed at any time, give the stream back, and never more than a limit is kept."""
    encoder = LineEncoder(form, "err", limit)
    log = b""
    for chunk, flushes in chunks:
        log += b"".join(encoder.feed(AT, chunk))
        assert len(encoder.pending) < limit
        assert form.is_framed is False or not log or log.endswith(b"\n")
        if flushes:
            log += b"".join(encoder.flush(AT))
    assert encoder.is_open == (joined(form, log)[-1:] not in (b"", b"\n"))
    log += b"".join(encoder.flush(AT))

    assert joined(form, log) == b"".join(chunk for chunk, _ in chunks)
    if form.is_framed:
        assert all(len(form.decode(record).text) <= limit for record in log.split(b"\n")[:-1])


@given(FORMS, st.binary(max_size=120))
def test_any_line_of_a_file_can_be_read(form, record):
    """No bytes in a log make the reader fail."""
    form.decode(record)
