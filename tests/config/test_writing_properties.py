"""What is written as TOML is read as the same."""

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from runjd.config.writing import written, written_jail

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@given(VALUES)
def test_a_value_comes_back(value):
    """Whatever characters are in it."""
    assert tomllib.loads(f"x = {written(value)}") == {"x": value}


@given(TEXT, st.dictionaries(TEXT, VALUES))
def test_a_jail_comes_back(id, keys):
    """By its name, whatever that is."""
    assert tomllib.loads(written_jail(id, keys)) == {"jail": {id: keys}}
