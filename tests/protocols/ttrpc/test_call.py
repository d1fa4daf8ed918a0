"""Who calls."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.protocols.ttrpc.call import Origin
from runjd.spec.ids import check_id

NAMES = st.from_regex(r"\A[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*\Z").filter(lambda name: len(name) <= 76)
ADDRESSES = st.sampled_from(["/run/containerd/containerd.sock", "/run/other/containerd.sock", "/tmp/c.sock"])
PLACES = st.tuples(ADDRESSES, NAMES, NAMES)


@given(PLACES, PLACES)
def test_containers_of_different_places_are_different_jails(one, other):
    """Two containers have the same jail only if containerd, namespace and id are the same, and the name is an id."""
    made = [Origin(address, "", namespace).jail(id) for address, namespace, id in (one, other)]

    assert (made[0] == made[1]) == (one == other)
    assert [check_id(each) for each in made] == made
