"""What all forms of a log have in common, and what each looks like."""

import json

import pytest

from runjd.logs.formats.table import FORMATS
from runjd.policy.facts import LogLine
from runjd.policy.settings import FORMATS as NAMES

AT = b"2026-11-23T15:01:20.102113000Z"
TORN = [
    b"",
    b"2026-11-23T15:01:20.1",
    AT + b" stdo",
    AT + b" out",
    AT + b" stdout",
    AT + b" stdout F",
    AT + b" stdin F x",
    AT + b" stdout Q x",
    AT + b" in x",
    b"\xff stdout F x",
    b"\xff out x",
    b"words of out x",
    b'{"log":"x\\n","stream":"stdout","time":"2026-11-23T15',
    b'{"log":"x\\n","stream":"stdin","time":"2026-11-23T15:01:20.102113000Z"}',
    b'{"log":"x\\n","stream":"stdout","time":"yesterday"}',
    b'{"log":"\\ud800","stream":"stdout","time":"2026-11-23T15:01:20.102113000Z"}',
    b'{"log":7,"stream":"stdout","time":"2026-11-23T15:01:20.102113000Z"}',
    b'{"log":"x","stream":[],"time":"2026-11-23T15:01:20.102113000Z"}',
    b"[]",
    b"[" * 100_000,
]


def test_every_form_of_the_configuration_is_there():
    """The configuration knows the same forms."""
    assert set(FORMATS) == set(NAMES)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raw", b"one\n\ntwo\n"),
        ("ts", b"AT out one\nAT out \nAT out two\n"),
        ("cri", b"AT stdout F one\nAT stdout F \nAT stdout F two\n"),
        (
            "json",
            (
                b'{"log":"one\\n","stream":"stdout","time":"AT"}\n'
                b'{"log":"\\n","stream":"stdout","time":"AT"}\n'
                b'{"log":"two\\n","stream":"stdout","time":"AT"}\n'
            ),
        ),
    ],
)
def test_every_line_becomes_a_record(name, expected):
    """A chunk becomes records, and what is behind its last newline is left out."""
    pieces = FORMATS[name].whole(AT, "out", b"o", b"ne\n\ntwo\nthr", 8)

    assert b"".join(pieces) == expected.replace(b"AT", AT)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("raw", b"half"),
        ("ts", b"AT err+ half\n"),
        ("cri", b"AT stderr P half\n"),
        ("json", b'{"log":"half","stream":"stderr","time":"AT"}\n'),
    ],
)
def test_a_part_of_a_line_is_marked(name, expected):
    """Who reads it can put the line together again."""
    assert b"".join(FORMATS[name].part(AT, "err", b"half")) == expected.replace(b"AT", AT)


@pytest.mark.parametrize("name", ["ts", "cri", "json"])
@pytest.mark.parametrize("record", TORN)
def test_a_torn_record_comes_back_as_text_without_a_time(name, record):
    """What is no record is shown as it is, so that nothing is hidden."""
    assert FORMATS[name].decode(record) == LogLine("-", "out", False, record)


@pytest.mark.parametrize("name", ["ts", "cri", "json"])
def test_an_empty_line_is_a_record(name):
    """A record with no text is a line, not a torn one."""
    record = b"".join(FORMATS[name].whole(AT, "err", b"", b"\n", 1)).removesuffix(b"\n")

    assert FORMATS[name].decode(record) == LogLine(AT.decode(), "err", False, b"")


@pytest.mark.parametrize(
    "text", [b"\x00\x1b[0m\x7f", b"\xff\xfe", b'"\\n\\', "ünï → 😀".encode(), b"\xed\xa0\x80", b"\\ud800"]
)
def test_each_record_of_json_is_one_object_in_utf_8(text):
    """Whatever bytes it has, any parser of JSON reads it, and Python gets the bytes back."""
    for pieces in (
        FORMATS["json"].whole(AT, "out", b"", text + b"\n", len(text) + 1),
        FORMATS["json"].part(AT, "out", text),
    ):
        record = b"".join(pieces)
        assert record.count(b"\n") == 1
        found = json.loads(record.decode("utf-8", "strict"))
        assert found["log"].encode("utf-8", "surrogateescape").removesuffix(b"\n") == text
