"""Whose processes are whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.runtime.meters.families import Counted, families, total


def process(pid: int, parent: int, session: int = 0) -> Counted:
    """Return a process that used a second and a page."""
    return Counted(pid, parent, session, 0, 1.0, 4096)


def test_those_who_descend_and_those_of_the_session() -> None:
    """A child of a child belongs to the jail, an orphan in its session too, and a neighbour does not."""
    table = [
        process(10, 1, 10),
        process(11, 10, 10),
        process(12, 11, 12),
        process(13, 1, 10),
        process(20, 1, 20),
        process(30, 1, 30),
    ]

    owners = families(table, {10: "web", 20: "db"})

    assert {pid for pid, owner in owners.items() if owner == "web"} == {10, 11, 12, 13}
    assert owners[20] == "db"
    assert owners[30] == ""


def test_a_jail_within_a_jail_is_its_own() -> None:
    """Who descends from both belongs to the inner one."""
    owners = families([process(10, 1, 10), process(11, 10, 11), process(12, 11, 11)], {10: "outer", 11: "inner"})

    assert owners == {10: "outer", 11: "inner", 12: "inner"}


def test_what_processes_use_is_added_up() -> None:
    """Time, memory and number."""
    assert total([process(1, 0), process(2, 0)]) == (2.0, 8192, 2)


@given(
    st.lists(
        st.tuples(st.integers(1, 30), st.integers(0, 30), st.integers(0, 30)),
        max_size=30,
        unique_by=lambda each: each[0],
    ),
    st.sets(st.integers(1, 30)),
)
def test_every_process_belongs_to_one_or_to_nobody(rows: list[tuple[int, int, int]], chosen: set[int]) -> None:
    """Whatever the table says, circles of parents too: each has an answer."""
    table = [process(*row) for row in rows]
    inits = {pid: f"jail{pid}" for pid in chosen if any(each.pid == pid for each in table)}

    owners = families(table, inits)

    assert {each.pid for each in table} <= owners.keys()
    assert set(owners.values()) <= {"", *inits.values()}
    assert all(owners[pid] == id for pid, id in inits.items())
