"""Tests of runjd.spec.jsontext."""

import pytest

from runjd.errors import SpecError
from runjd.spec.jsontext import join_path, read_json


def refusal(data: bytes) -> SpecError:
    """Return the error that the text is refused with."""
    with pytest.raises(SpecError) as caught:
        read_json(data, "x.json")
    return caught.value


def test_json_is_read_as_it_is_written() -> None:
    """Every kind of value comes out as Python's own."""
    text = '{"a": [1, -2.5e3, true, false, null, "ö\\u0041"], "b": {}}'
    assert read_json(text.encode(), "x.json") == {"a": [1, -2500.0, True, False, None, "öA"], "b": {}}


def test_a_value_may_be_repeated_but_not_a_name() -> None:
    """Equal names in different objects are no repetition."""
    assert read_json(b'[{"a": 1}, {"a": 1}]', "x.json") == [{"a": 1}, {"a": 1}]
    assert (
        (error := refusal(b'[{"a": 1}, {"a": 1, "a": 1}]')).path,
        error.reason,
    ) == ("[1].a", "appears twice; JSON names must be unique")


@pytest.mark.parametrize("depth", [5_000, 1_000_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    """A document made to exhaust the stack is an error like any other."""
    assert "nested too deeply" in refusal(b"[" * depth).reason
    assert "nested too deeply" in refusal(b'{"a":' * depth).reason


def test_a_number_of_too_many_digits_is_refused() -> None:
    """A number that takes long to read is an error like any other."""
    assert "too many digits" in refusal(b"[" + b"9" * 5_000 + b"]").reason


@pytest.mark.parametrize("text", [b"1e999", b"-1e400", b"NaN", b"Infinity", b"-Infinity"])
def test_what_is_no_number_is_refused_at_its_path(text: bytes) -> None:
    """Values that JSON does not have are named by their path."""
    assert refusal(b'{"a": {"b c": [0, ' + text + b"]}}").path == 'a["b c"][1]'


def test_the_place_of_a_mistake_is_line_and_column() -> None:
    """Lines and columns are counted from one, columns in characters."""
    assert refusal('{"ä": 1,\n "ö": 1 x}'.encode()).file == "x.json:2:9"
    assert refusal(b'["a",\n "\xff"]').file == "x.json:2:3"


@pytest.mark.parametrize("data", [b"", b"   ", b"\n\n"])
def test_an_empty_file_is_called_empty(data: bytes) -> None:
    """Nothing at all is told from something wrong."""
    assert refusal(data).reason == "is empty; expected a JSON object"


@pytest.mark.parametrize(
    ("parent", "name", "path"),
    [
        ("", "a", "a"),
        ("a[0]", "bC_1", "a[0].bC_1"),
        ("a", "b.c", 'a["b.c"]'),
        ("", "1", '["1"]'),
        ("a", "", 'a[""]'),
        ("a", 'x"]\x1b', 'a["x\\"]\\u001b"]'),
        ("a", "ö", 'a["ö"]'),
    ],
)
def test_a_path_is_unambiguous(parent: str, name: str, path: str) -> None:
    """A name that is no plain word stands in brackets and quotes."""
    assert path == join_path(parent, name)
