"""Messages of syslog."""

import re

import pytest

from runjd.logs.formats.syslog import DATAGRAM_LIMIT, STREAM_LIMIT, SyslogEncoding
from runjd.logs.lines import LineEncoder

AT = b"2026-11-23T15:01:20.102113000Z"


def test_each_line_is_a_message():
    """With the stream as its id, and a time that RFC 5424 allows."""
    encoding = SyslogEncoding("web", "host.example.org", is_counted=False)

    assert encoding.whole(AT, "out", b"on", b"e\n\ntwo\nrest", 7) == [
        b"<30>1 2026-11-23T15:01:20.102113Z host.example.org web - out - one",
        b"<30>1 2026-11-23T15:01:20.102113Z host.example.org web - out - ",
        b"<30>1 2026-11-23T15:01:20.102113Z host.example.org web - out - two",
    ]
    assert encoding.part(AT, "err", b"half") == [
        b"<27>1 2026-11-23T15:01:20.102113Z host.example.org web - err+ - half"
    ]


def test_in_a_stream_each_message_has_its_length_before_it():
    """So that any byte may be in it."""
    [message] = SyslogEncoding("web", "h", is_counted=True).whole(AT, "out", b"", b"text\n", 5)

    length, _, rest = message.partition(b" ")
    assert int(length) == len(rest)
    assert rest.endswith(b" web - out - text")


@pytest.mark.parametrize(("is_counted", "limit"), [(False, DATAGRAM_LIMIT), (True, STREAM_LIMIT)])
@pytest.mark.parametrize("wanted", [10, 16_384])
def test_no_message_is_longer_than_receivers_take(is_counted, limit, wanted):
    """Long lines are cut, whatever the names are."""
    encoding = SyslogEncoding("x" * 100, "ünï host" * 100, is_counted)
    lines = LineEncoder(encoding, "err", encoding.text_limit(wanted))

    messages = lines.feed(AT, b"y" * 100_000 + b"\n")

    assert max(map(len, messages)) <= limit + 5
    assert b"".join(messages).count(b"y") == 100_000
    assert all(re.search(rb"<27>1 \S+ [\x21-\x7e]+ [\x21-\x7e]{1,48} - err\+? - y*$", each) for each in messages)
