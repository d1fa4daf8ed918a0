"""Properties of :mod:`runjd.protocols.control.request`."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import BadArgument, SyntaxFault
from runjd.protocols.control.lines import decode_line
from runjd.protocols.control.request import Request, format_request, is_blank, parse_request, split_tag
from tests.protocols.control.test_tokens_properties import keys, texts

requests = st.builds(
    Request,
    st.from_regex(r"[0-9]{0,9}", fullmatch=True).filter(str.isascii),
    st.from_regex(r"[A-Z]{1,8}(-[A-Z]{1,5})?", fullmatch=True),
    st.lists(texts.map(lambda text: text[:100]), max_size=5).map(tuple),
    st.dictionaries(keys, texts.map(lambda text: text[:100]), max_size=5),
)


@given(requests)
def test_what_is_formatted_is_read_back(request: Request) -> None:
    """Any request comes back from its line."""
    line = format_request(request)
    assert line.endswith(b"\n")
    text = decode_line(line[:-1])
    assert isinstance(text, str)
    assert parse_request(text) == request


@given(st.text())
def test_any_line_is_read_or_refused(line: str) -> None:
    """No line raises anything but the documented errors, and a tag is always found."""
    split_tag(line)
    if not is_blank(line):
        with suppress(SyntaxFault, BadArgument):
            parse_request(line)
