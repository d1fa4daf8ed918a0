"""Requests and responses of ttrpc."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SyntaxFault
from runjd.protocols.ttrpc.envelope import (
    Request,
    Response,
    format_request,
    format_response,
    parse_request,
    parse_response,
)
from runjd.protocols.ttrpc.fields import format_number, read_fields
from runjd.protocols.ttrpc.status import NOT_FOUND

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
PAIRS = st.lists(st.tuples(TEXT, TEXT), max_size=4).map(tuple)
REQUESTS = st.builds(Request, TEXT, TEXT, st.binary(max_size=100), st.integers(0, 10**9).map(float), PAIRS)
RESPONSES = st.builds(Response, st.binary(max_size=100), st.integers(-(2**31), 2**31 - 1), TEXT)
#: a field that nobody knows, of each kind
UNKNOWN = st.sampled_from(
    [b"\x78\x01", b"\x79" + bytes(8), b"\x7a\x03abc", b"\x7d" + bytes(4), b"\xf8\xff\xff\xff\x0f\x07"]
)


@given(REQUESTS)
def test_a_request_is_read_as_it_was_written(request):
    """Every field, metadata with empty or repeated keys among them, comes out of what is sent."""
    assert parse_request(format_request(request)) == request


@given(RESPONSES)
def test_a_response_is_read_as_it_was_written(response):
    """Payload and status come out of what is sent."""
    assert parse_response(format_response(response)) == response


@given(REQUESTS, UNKNOWN)
def test_fields_that_nobody_knows_are_skipped(request, unknown):
    """A newer containerd may say more than we know."""
    assert parse_request(unknown + format_request(request) + unknown) == request


@given(st.binary(max_size=200))
def test_what_is_no_message_is_refused_in_one_way(data):
    """Any bytes are a message, or SyntaxFault; nothing else is raised."""
    for parse in (parse_request, parse_response):
        try:
            parse(data)
        except SyntaxFault:
            pass


@given(REQUESTS, st.integers(0, 1000), st.integers(0, 255))
def test_a_damaged_request_is_read_or_refused(request, place, byte):
    """One byte that is changed leads to another request, or to SyntaxFault."""
    data = bytearray(format_request(request) or b"\0")
    data[place % len(data)] = byte
    try:
        assert isinstance(parse_request(bytes(data)), Request)
    except SyntaxFault:
        pass


@given(st.integers(-(2**63), 2**63 - 1))
def test_a_number_is_read_as_it_was_written(number):
    """The whole range of an int64 is."""
    assert list(read_fields(format_number(3, number))) == ([(3, number)] if number else [])


def test_bytes_of_containerd_are_understood():
    """A Shutdown as the shims of containerd get it: 2 ms, with a namespace (fields by their numbers)."""
    data = (
        b"\x0a\x17containerd.task.v2.Task\x12\x08Shutdown\x1a\x03\x0a\x01a\x20\x80\x89\x7a"
        b"\x2a\x22\x0a\x1acontainerd-namespace-ttrpc\x12\x04k8s.\x2a\x00"
    )

    assert parse_request(data) == Request(
        "containerd.task.v2.Task",
        "Shutdown",
        b"\x0a\x01a",
        0.002,
        (("containerd-namespace-ttrpc", "k8s."), ("", "")),
    )
    assert parse_response(b"") == Response()
    assert parse_response(b"\x0a\x06\x08\x05\x12\x02no") == Response(b"", NOT_FOUND, "no")


def test_a_limit_that_is_negative_is_none():
    """What asks for less than no time is not thrown away."""
    assert parse_request(format_request(Request("a", "b", timeout=-1.0))).timeout == 0.0


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a\xff",
        b"\x0a\x05ab",
        b"\x0a\x01\xff",
        b"\x00\x01",
        b"\x0b",
        b"\x08" + b"\xff" * 10,
        b"\x08\x01",
        b"\x20" + b"\xff" * 9 + b"\x02",
    ],
)
def test_a_broken_message_is_refused(data):
    """A length without its bytes, a text that is no UTF-8, a number without an end, a kind that does not fit."""
    with pytest.raises(SyntaxFault):
        parse_request(data)


def test_a_message_for_people_fits_into_a_frame():
    """The reason of a failure may be as long as it likes."""
    assert len(parse_response(format_response(Response(b"", 2, "no" * 10**7))).message) == 64 * 1024
