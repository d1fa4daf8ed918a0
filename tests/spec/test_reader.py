"""Tests of runjd.spec.reader."""

import pytest

from runjd.errors import SpecError
from runjd.spec.reader import Faults, Reader, found


def test_no_fault_is_no_error() -> None:
    """A document without faults passes the check."""
    Faults().check("x.json")


def test_the_first_fault_gives_the_path_and_the_others_stand_behind_it() -> None:
    """All faults are told at once."""
    faults = Faults()
    faults.add("a", "is wrong")
    faults.add("", "is odd")
    faults.add("b[1]", "is bad")
    with pytest.raises(SpecError) as caught:
        faults.check("x.json")
    assert str(caught.value) == "x.json: a: is wrong; and is odd; b[1]: is bad"
    assert caught.value.path == "a"


def test_absent_properties_are_no_faults() -> None:
    """Every property is optional until it is required."""
    faults = Faults()
    reader = Reader({}, "a", faults)
    assert (reader.text("x"), reader.path_text("x"), reader.choice("x", ("y",))) == ("", "", "")
    assert (reader.boolean("x"), reader.integer("x", 0, 1), reader.object("x")) == (None, None, None)
    assert (
        reader.texts("x"),
        reader.integers("x", 0, 1),
        tuple(reader.objects("x")),
        reader.text_map("x"),
    ) == ((), (), (), ())
    assert reader.asked_for(("x",)) == ()
    faults.check("x.json")


@pytest.mark.parametrize("method", ["text", "path_text", "boolean", "texts", "path_texts", "object", "text_map"])
def test_null_is_never_absence(method: str) -> None:
    """A known property that is null is a fault, for the specification has no null."""
    faults = Faults()
    getattr(Reader({"x": None}, "a", faults), method)("x")
    with pytest.raises(SpecError, match=r"^x\.json: a\.x: found null, expected"):
        faults.check("x.json")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "null"),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (-(10**29), "-" + "1" + "0" * 29),
        (10**30, "a number that is far too large"),
        (1.5, "1.5"),
        ("a\n", '"a\\n"'),
        ([], "an empty array"),
        ([[], []], "an array of 2"),
        ({}, "an object"),
        (object(), "a object"),
    ],
)
def test_what_was_found_is_shown_in_the_words_of_json(value: object, shown: str) -> None:
    """A fault says what was found, short and on one line."""
    assert shown == found(value)


def test_a_number_that_cannot_be_written_out_is_described() -> None:
    """Python refuses to write out a number of many thousand digits; a fault does not try."""
    assert found(10**10_000) == "a number that is far too large"
