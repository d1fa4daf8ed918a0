"""What confines a jail, on its way to those who join it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runjd.errors import RuntimeFailure
from runjd.runtime.linux.confinement import Confinement, decode, encode, keeps
from runjd.spec.model import Process

confinements = st.builds(Confinement, st.binary(max_size=40), st.integers(0, 7), st.integers(-1, 8))


@given(confinements)
def test_it_travels(confinement: Confinement) -> None:
    """What is encoded is decoded as the same."""
    assert decode(encode(confinement)) == confinement


@given(confinements, st.integers(0, 60))
def test_what_is_cut_off_is_refused(confinement: Confinement, length: int) -> None:
    """Whatever is missing at its end, it is damaged, and not less of a filter."""
    record = encode(confinement)
    if length < len(record):
        with pytest.raises(RuntimeFailure, match="missing or damaged"):
            decode(record[:length])


@given(st.binary(max_size=40))
@example(b"CNF1" + bytes(11))
@example(b"CNF2" + bytes(12))
def test_other_bytes_are_refused(record: bytes) -> None:
    """What is no record is an error that says so."""
    with pytest.raises(RuntimeFailure, match="missing or damaged"):
        decode(record)


def test_rights_are_kept_for_a_filter_alone() -> None:
    """Without a filter, and with no_new_privs, it takes no right."""
    filtered = Confinement(b"program")

    assert keeps(filtered, Process(("x",))) == ("CAP_SYS_ADMIN",)
    assert keeps(filtered, Process(("x",), no_new_privileges=True)) == ()
    assert keeps(Confinement(personality=8), Process(("x",))) == ()
