"""Properties of :mod:`runjd.protocols.control.reply`."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import BadArgument, SpecError, SyntaxFault
from runjd.protocols.control.lines import MAX_LINE, decode_line
from runjd.protocols.control.reply import (
    Announcement,
    Failure,
    Record,
    Success,
    Text,
    escape_text,
    format_announcement,
    format_failure,
    format_record,
    format_success,
    format_text,
    parse_reply,
    unescape_text,
)
from tests.protocols.control.test_tokens_properties import keys, texts

tags = st.one_of(st.just("?"), st.integers(0, 999_999_999).map(str), st.just(""))
fields = st.dictionaries(keys, texts.map(lambda text: text[:60]), max_size=8)


def parsed(line: bytes) -> object:
    """Return the value of a line as it was sent."""
    assert line.endswith(b"\n")
    assert len(line) <= MAX_LINE
    text = decode_line(line[:-1])
    assert isinstance(text, str)
    return parse_reply(text)


@given(tags, fields, st.integers(0, 10**18))
def test_fields_come_back(tag: str, fields: dict[str, str], seq: int) -> None:
    """Successes, records and events come back from their lines."""
    items = tuple(fields.items())
    assert parsed(format_success(tag, items)) == Success(tag, fields)
    assert parsed(format_record(tag, items)) == Record(tag, fields)
    assert parsed(format_announcement(seq, items)) == Announcement(seq, fields)


@given(tags, texts.map(lambda text: text[:500]))
def test_failures_come_back(tag: str, message: str) -> None:
    """An error comes back from its line, with code, details and message."""
    error = SpecError("process.args[0]", message)
    failure = parsed(format_failure(tag, error))
    assert failure == Failure(tag, "CONFIG", {"path": "process.args[0]"}, error.message)
    assert isinstance(failure, Failure)
    assert failure.to_error().exit_status == error.exit_status


@given(st.binary(), st.booleans())
def test_text_comes_back_byte_for_byte(data: bytes, more: bool) -> None:
    """Any bytes survive a line of text, and the line holds nothing a terminal would obey."""
    lines = format_text("3", data, more)
    assert [parsed(line) for line in lines] == [Text("3", more, data)]
    shown = lines[0].decode()[:-1].replace("\t", "")
    assert shown.isprintable()


@given(st.binary(min_size=1, max_size=50), st.integers(1, 2000))
def test_long_text_is_cut_into_pieces(data: bytes, times: int) -> None:
    """Each piece fits into a line and has the prefix; all but the last say that more follows."""
    data *= times
    pieces = [parsed(line) for line in format_text("", data, prefix="now out ")]
    texts = [piece for piece in pieces if isinstance(piece, Text)]
    assert [piece.more for piece in texts] == [True] * (len(pieces) - 1) + [False]
    assert all(piece.data.startswith(b"now out ") for piece in texts)
    assert b"".join(piece.data[8:] for piece in texts) == data


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    """No line raises anything but the documented errors."""
    with suppress(SyntaxFault, BadArgument):
        parse_reply(line)


@given(st.text(st.sampled_from('\\x0aF"')))
def test_any_text_is_unescaped_or_refused(text: str) -> None:
    """What is accepted is what escaping gives, up to the case of digits and needless escapes."""
    try:
        data = unescape_text(text)
    except SyntaxFault:
        return
    assert unescape_text(escape_text(data).decode()) == data
