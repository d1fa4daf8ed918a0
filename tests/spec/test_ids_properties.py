"""Properties of ids."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import BadArgument
from runjd.spec.ids import check_id

PATTERN = re.compile(r"[A-Za-z0-9_+][A-Za-z0-9_+.-]{0,199}", re.ASCII)


@given(st.text(max_size=210) | st.text("ab.-+_/", max_size=210) | st.from_regex(PATTERN, fullmatch=True))
def test_an_id_is_what_the_pattern_says(text: str) -> None:
    """Exactly the ids of the rule pass; every other text is refused with a message that can be shown."""
    if PATTERN.fullmatch(text):
        assert check_id(text) == text
    else:
        with pytest.raises(BadArgument) as caught:
            check_id(text)
        assert str(caught.value).isprintable()
