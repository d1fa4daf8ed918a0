"""Properties of :mod:`runjd.protocols.control.tokens`."""

from __future__ import annotations

import os
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import BadArgument, SyntaxFault
from runjd.protocols.control.tokens import format_fields, format_value, format_word, parse_arguments

# what os.fsdecode makes of any argument a program can have
arguments = st.binary().map(lambda raw: os.fsdecode(raw.replace(b"\0", b"")))
texts = st.one_of(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))), arguments)
keys = st.from_regex(r"[a-z][a-z0-9_.-]{0,10}", fullmatch=True)


@given(st.lists(texts), st.dictionaries(keys, texts))
def test_what_is_formatted_is_read_back(words: list[str], options: dict[str, str]) -> None:
    """Any words and options come back from the line they were written to."""
    line = " ".join([*map(format_word, words), *(f"{key}={format_value(value)}" for key, value in options.items())])
    assert line.isprintable()
    assert parse_arguments(line) == (tuple(words), options)
    assert parse_arguments(format_fields(tuple(options.items()))) == ((), options)


@given(st.text())
def test_any_text_is_read_or_refused(line: str) -> None:
    """No text raises anything but the documented errors."""
    with suppress(SyntaxFault, BadArgument):
        parse_arguments(line)
