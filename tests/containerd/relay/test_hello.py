"""What a relay says first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.containerd.relay.hello import Hello, HelloReader, format_hello
from runjd.errors import SyntaxFault
from runjd.protocols.ttrpc.call import Origin
from runjd.protocols.ttrpc.frames import format_frame

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
HELLOS = st.builds(Hello, st.builds(Origin, TEXT, TEXT, TEXT), TEXT, st.integers(0, 2**32 - 1))


@given(HELLOS, st.binary(max_size=30), st.integers(0, 500))
def test_a_hello_is_read_as_it_was_written(hello, behind, cut):
    """However it is cut; what comes behind it is left for others."""
    data = format_hello(hello) + behind
    cut = min(cut, len(format_hello(hello)) - 1)
    reader = HelloReader()

    assert reader.feed(data[:cut]) is None
    assert reader.feed(data[cut:]) == hello
    assert reader.rest == behind


@given(st.binary(max_size=60))
def test_what_is_no_hello_is_refused_in_one_way(data):
    """Any bytes are the beginning of a hello, or SyntaxFault."""
    try:
        HelloReader().feed(data)
    except SyntaxFault:
        pass


@pytest.mark.parametrize(
    "data",
    [
        format_frame(1, 1, b"a request"),
        b"\x00\x10\x00\x00" + bytes(6),
        format_frame(0, 0x52, b""),
        format_frame(0, 0x52, b"\x08\x01\x12\x01c\x22\x01n"),
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_who_is_no_relay_is_refused(data):
    """ttrpc without a hello, a hello that is too long, one of no version, one that says too little, HTTP."""
    with pytest.raises(SyntaxFault):
        HelloReader().feed(data)


def test_a_hello_of_a_newer_relay_is_understood():
    """A relay outlives the daemon that it was installed with, in both directions: what is unknown is skipped."""
    hello = Hello(Origin("a", "b", "c"), "d", 3)
    fields = format_hello(hello)[10:].replace(b"\x08\x01", b"\x08\x07") + b"\x7a\x02xx"

    assert HelloReader().feed(format_frame(0, 0x52, fields)) == hello
