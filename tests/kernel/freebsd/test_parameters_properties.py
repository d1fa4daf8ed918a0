"""Parameters of jails, for all values."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel.freebsd.parameters import decode, encode

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@given(TEXTS)
def test_a_text_comes_back(text: str) -> None:
    """Whatever a name is, the kernel's answer reads as it was given."""
    ((_, value),) = encode([("host.hostname", text)])

    assert value is not None
    assert decode("host.hostname", value + b"old bytes") == text


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 2**64 - 1))
def test_an_integer_comes_back(number: int, id: int) -> None:
    """Every integer of 32 bits, and every host id of 64, survives."""
    (_, value), (_, long) = encode([("children.max", number), ("host.hostid", id)])

    assert value is not None
    assert long is not None
    assert (decode("children.max", value), decode("host.hostid", long)) == (number, id)


@given(st.lists(st.ip_addresses(v=4).map(str)), st.lists(st.ip_addresses(v=6).map(str)))
def test_addresses_come_back(four: list[str], six: list[str]) -> None:
    """Lists of addresses of both families survive in their order."""
    (_, value), (_, long) = encode([("ip4.addr", tuple(four)), ("ip6.addr", tuple(six))])

    assert value is not None
    assert long is not None
    assert decode("ip4.addr", value) == tuple(four)
    # the C library has its own opinion on IPv4-mapped addresses
    again = decode("ip6.addr", long)
    assert isinstance(again, tuple)
    assert encode([("ip6.addr", again)]) == [("ip6.addr", long)]
