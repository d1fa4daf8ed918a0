"""The locator agrees with tomllib, and with whoever wrote the document."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from runjd.config.locate import locate
from tests.config.documents import documents


def paths_of(value, above=()):
    """Yield the path of each key and element."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in pairs:
        yield (*above, name)
        yield from paths_of(inner, (*above, name))


@given(documents(), st.booleans())
def test_every_key_is_found_on_its_line(document, with_returns):
    """Dotted and quoted keys, inline tables, arrays of tables, strings of many lines; with LF or CRLF."""
    text, lines = document
    parsed = tomllib.loads(text)

    found = locate(text.replace("\n", "\r\n") if with_returns else text)

    assert set(found) == set(paths_of(parsed))
    assert found == lines
