"""Properties of :mod:`runjd.protocols.notify`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.protocols.notify import STATUS_MAX, read_datagram

lines = st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"READY=1", b"STATUS=\xff\x00a", b"READY="])))


@given(st.one_of(st.binary(), lines.map(b"\n".join)))
def test_no_datagram_does_harm(data: bytes) -> None:
    """Whatever a jail sends is read, without an error, into little that is printable."""
    notice = read_datagram(data)
    assert notice.is_ready == (b"READY=1" in data.split(b"\n"))
    assert notice.status is None or (len(notice.status) <= STATUS_MAX and (notice.status.isprintable()))
