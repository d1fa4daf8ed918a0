"""Documents of earlier versions are brought up, those of later ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.spec.versioned import Newer, up_to_date

#: 1 had a name, 2 has a list of names, 3 counts them, too
_STEPS = {
    1: lambda document: {"names": [document["name"]]},
    2: lambda document: {**document, "count": len(document["names"])},
}


def test_an_earlier_document_goes_through_every_step() -> None:
    """Each step gets what the one before it made, and the result says of which version it is."""
    assert up_to_date({"version": 1, "name": "a"}, 3, _STEPS) == {"version": 3, "names": ["a"], "count": 1}
    assert up_to_date({"version": 2, "names": ["a", "b"]}, 3, _STEPS) == {
        "version": 3,
        "names": ["a", "b"],
        "count": 2,
    }


def test_a_document_of_this_version_stays_as_it_is() -> None:
    """Nothing is done to it; keys that are unknown are left in."""
    document = {"version": 3, "names": [], "count": 0, "colour": "green"}

    assert up_to_date(document, 3, _STEPS) == document


def test_a_step_does_not_change_what_was_read() -> None:
    """Whoever refuses the result still has the document as it is on the disk."""
    document = {"version": 2, "names": ["a"]}
    up_to_date(document, 3, _STEPS)

    assert document == {"version": 2, "names": ["a"]}


@given(st.integers(min_value=4))
def test_a_later_document_is_refused(version: int) -> None:
    """Both versions are told."""
    with pytest.raises(Newer, match=f"it is of version {version}, written by a newer runjd; this one knows 3"):
        up_to_date({"version": version}, 3, _STEPS)


@given(st.one_of(st.none(), st.text(), st.floats(), st.booleans(), st.integers(max_value=0), st.lists(st.integers())))
def test_what_has_no_version_is_none_of_ours(version: object) -> None:
    """Only a number that counts is one."""
    with pytest.raises(ValueError, match="it does not say of which version it is"):
        up_to_date({"version": version}, 3, _STEPS)


def test_a_version_that_nobody_reads_any_more_is_told() -> None:
    """Where a step is missing, nothing is guessed."""
    with pytest.raises(ValueError, match="it is of version 1, which this runjd does not read any more"):
        up_to_date({"version": 1}, 3, {2: _STEPS[2]})


@pytest.mark.parametrize("document", [[], "x", None, 1])
def test_what_is_no_object_is_none_of_ours(document: object) -> None:
    """As a file that somebody else has put there."""
    with pytest.raises(ValueError, match="it is no object"):
        up_to_date(document, 3, _STEPS)
