"""Tests of runjd.runtime.freebsd.names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.runtime.freebsd.names import jail_name

_IDS = st.text("abz019_+-.", min_size=1, max_size=8).filter(lambda text: text[0] not in ".-")


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("web", "web"),
        ("web.1", "web~1"),
        ("77", "77~"),
        ("+5", "+5~"),
        ("1.5", "1~5"),
        ("1a", "1a"),
        ("ns/web", "ns/web"),
    ],
)
def test_a_name_is_the_id_but_for_what_the_kernel_reads_otherwise(id: str, name: str) -> None:
    """A dot would name a parent, a number would be a jid (13.2: "name cannot be numeric")."""
    assert jail_name(id) == name


def test_a_parent_stands_in_front() -> None:
    """The kernel makes the child below it."""
    assert jail_name("web.1", "pod") == "pod.web~1"


def test_a_name_that_is_too_long_is_refused() -> None:
    """MAXHOSTNAMELEN counts for both together, and only a parent makes it too long."""
    with pytest.raises(SpecError, match=r"^freebsd\.jail\.parent: "):
        jail_name("b" * 200, "a" * 55)
    assert len(jail_name("b" * 200, "a" * 54)) == 255


@given(_IDS, _IDS)
def test_two_ids_never_share_a_name(one: str, other: str) -> None:
    """Nor is any name a number, or has a dot."""
    assert (jail_name(one) == jail_name(other)) == (one == other)
    assert not jail_name(one).lstrip("+-").isdigit()
    assert "." not in jail_name(one)
