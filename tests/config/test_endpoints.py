"""Where to listen."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runjd.config.endpoints import ENDPOINT, Endpoint, endpoint_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("unix:/run/metrics", Endpoint(path="/run/metrics")),
        ("unix:/run/metrics:mode=660", Endpoint(path="/run/metrics", mode=0o660)),
        ("unix:/run/a\\:b", Endpoint(path="/run/a:b")),
        ("tcp:9633", Endpoint(port=9633, interface="127.0.0.1")),
        ("tcp:9633:interface=0.0.0.0", Endpoint(port=9633, interface="0.0.0.0")),
        ("tcp:9633:interface=\\:\\:1", Endpoint(port=9633, interface="::1")),
    ],
)
def test_what_makes_sense(text, expected):
    """A port is that of the loopback interface, and a socket nobody else's, unless it is said otherwise."""
    assert endpoint_of(text) == expected
    assert endpoint_of(str(expected)) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is unix:PATH and tcp:PORT"),
        ("9633", "there is unix:PATH and tcp:PORT"),
        ("ssl:9633", "there is unix:PATH and tcp:PORT"),
        ("tcp:", "there is unix:PATH and tcp:PORT"),
        ("tcp:65536", "a port is a number"),
        ("tcp:http", "a port is a number"),
        ("tcp:²", "a port is a number"),
        ("tcp:1:interface=localhost", "named by its address"),
        ("tcp:1:interface=::1", "is not interface=ADDRESS"),
        ("tcp:1:backlog=5", "is not interface=ADDRESS"),
        ("unix:run", "is absolute"),
        ("unix:/" + "x" * 103, "at most 103 bytes"),
        ("unix:/run/x:mode=999", "three octal digits"),
        ("unix:/run/x:mode=1777", "three octal digits"),
        ("unix:/run/x:mode=600:mode=660", "is not mode=660"),
    ],
)
def test_what_makes_no_sense(text, reason):
    """It is said what is wrong."""
    with pytest.raises(ValueError, match=reason):
        ENDPOINT.read(text)


@given(st.text() | st.text("\\:/=mode67 unixtcpinterface.0").map("unix:/".__add__))
@example("tcp:1:interface=\0")
def test_whatever_is_written_is_read_or_refused(text):
    """Nothing but a ValueError comes of it, and what was read is written so that it is read again."""
    try:
        found = endpoint_of(text)
    except ValueError:
        return
    assert endpoint_of(str(found)) == found
