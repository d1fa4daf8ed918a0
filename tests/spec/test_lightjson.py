"""JSON without the standard module's start-up."""

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.spec.lightjson import NotJson, TooDeep, dumps, loads

BROKEN = [
    "",
    " ",
    "{",
    '{"a"',
    "[1,]",
    "[1] 2",
    "nul",
    '"\n"',
    "\ufeff{}",
    "'a'",
    "{1:2}",
    '{"a" 1}',
    '"\\x"',
    '[\n "a',
]


def said(read: Callable[[str], object], text: str) -> object:
    """Return what a text says, or what is wrong with it."""
    try:
        return read(text)
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize(
    "text", ['{"a": [1, -2.5e3, true, false, null, "ä\\u00e4\\n"], "b": {}}', " 1\n", '"x"', "[]", b"[1]"]
)
def test_a_text_is_read_as_by_the_standard_module(text: str | bytes) -> None:
    """The same values come out."""
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize("text", BROKEN)
def test_an_error_is_the_standard_modules(text: str) -> None:
    """With its words and its place."""
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    with pytest.raises(NotJson) as caught:
        loads(text)

    assert str(caught.value) == str(expected.value)
    for attribute in ("msg", "pos", "lineno", "colno"):
        assert getattr(caught.value, attribute) == getattr(expected.value, attribute)


@given(st.text('[]{}",:0-e\\u \n\x00tn\ufeff', max_size=12))
def test_a_text_is_read_or_refused_as_by_the_standard_module(text: str) -> None:
    """Whatever it is."""
    assert said(loads, text) == said(json.loads, text)


@pytest.mark.parametrize("text", BROKEN)
def test_an_error_is_told_where_nothing_can_be_loaded(text: str) -> None:
    """In the same words, as by a worker of the keeper; and nothing that looks like the standard module stays."""
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(text)
    code = (
        "import sys\nfrom runjd.spec.lightjson import NotJson, loads\nsys.path.clear()\nsys.meta_path.clear()\n"
        f"try: loads({text!r})\nexcept NotJson as error: print(error, 'json' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == f"{expected.value} False\n"


@pytest.mark.parametrize("text", ["[" * 5_000, '{"a":' * 1_000_000, "[" * 5_000 + "x", b"[" * 5_000])
def test_deep_nesting_is_an_error_like_any_other(text: str | bytes) -> None:
    """A text that is made to exhaust the stack is no JSON to us."""
    with pytest.raises(TooDeep, match="nested too deeply"):
        loads(text)


def test_an_error_is_found_without_the_standard_module_loaded() -> None:
    """A short command that meets broken JSON says so, and does not crash."""
    code = "from runjd.spec.lightjson import loads\ntry: loads('{')\nexcept ValueError as error: print(error)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("Expecting property name enclosed in double quotes")


def test_the_standard_module_is_not_loaded() -> None:
    """Neither reading nor writing needs it."""
    code = (
        "import sys\nfrom runjd.spec.lightjson import dumps, loads\nprint(dumps(loads('[1]')), 'json' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[1] False\n"


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "ä\n\ud800", [], {}, {"a": (1, 2)}, [{"a": {"b": None}}]])
def test_a_value_is_written_as_by_the_standard_module(value: object) -> None:
    """Compact, in ASCII."""
    assert dumps(value) == json.dumps(value, separators=(",", ":"))
    assert dumps(value, ensure_ascii=False) == json.dumps(value, separators=(",", ":"), ensure_ascii=False)


@pytest.mark.parametrize("value", [{1}, b"x"])
def test_what_json_has_no_words_for_is_refused(value: object) -> None:
    """As the standard module refuses it."""
    with pytest.raises(TypeError, match="is not JSON serializable"):
        dumps(value)


def test_hooks_are_called() -> None:
    """Pairs in their order, constants, and floats as they are written."""
    found = loads(
        '{"a": 1, "a": NaN, "b": 1.50}', object_pairs_hook=list, parse_constant=str.lower, parse_float=lambda text: text
    )

    assert found == [("a", 1), ("a", "nan"), ("b", "1.50")]


@pytest.mark.parametrize("text", ["[" * 300 + "]" * 300, '{"a":' * 300 + "[]" + "}" * 300, b"[" * 100_000])
def test_what_is_nested_too_deeply_is_refused(text: str | bytes) -> None:
    """Long before the stack is at its end: what was read shall be written, and from a deeper place."""
    with pytest.raises(TooDeep):
        loads(text)

    assert loads("[" + "[[]]," * 300 + "[]]") == [[[]]] * 300 + [[]]
