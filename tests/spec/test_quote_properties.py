"""Properties of quoting."""

import json

from hypothesis import given
from hypothesis import strategies as st

from runjd.spec.quote import quoted


@given(st.text(st.characters(), max_size=60))
def test_what_is_quoted_is_json_and_can_be_shown(text: str) -> None:
    """A program reads back what a person sees, and a terminal obeys nothing of it."""
    assert json.loads(quoted(text)) == text
    assert quoted(text).isprintable()
