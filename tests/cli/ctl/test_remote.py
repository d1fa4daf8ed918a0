"""Where a daemon on another host is."""

from __future__ import annotations

import pytest

from runjd.cli.ctl.remote import PORT, parse_host
from runjd.errors import BadArgument
from tests.cli.program import runjctl


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tls:jails.example.org:99", ("jails.example.org", 99)),
        ("tls:jails.example.org", ("jails.example.org", PORT)),
        ("tls:192.0.2.1:99", ("192.0.2.1", 99)),
        ("tls:[fd00::1]:99", ("fd00::1", 99)),
        ("tls:[fd00::1]", ("fd00::1", PORT)),
    ],
)
def test_what_makes_sense(text: str, expected: tuple[str, int]) -> None:
    """A name or an address, and a port, which is the usual one where none is named."""
    assert parse_host(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "jails", "ssh:jails:22", "tls:", "tls::99", "tls:a:b", "tls:a:0", "tls:a:65536", "tls:fd00::1", "tls:[a"],
)
def test_what_makes_no_sense(text: str) -> None:
    """It is said how it is written."""
    with pytest.raises(BadArgument, match="a host is written as tls:HOST:PORT"):
        parse_host(text)


def test_two_daemons_are_one_too_many() -> None:
    """A socket and a host do not go together."""
    done = runjctl("--socket", "/x", "--host", "tls:x", "ping")

    assert (done.returncode, done.stdout) == (64, b"")
    assert b"give one of them" in done.stderr
