"""What jails use in a second."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.cli.ctl.rates import Load, Sample, in_order, loads, size


def jail(name: str = "web", **fields: str) -> dict[str, str]:
    """Return a record of STATS."""
    return {"jail": name, "phase": "running", "pid": "7", "up": "9.0", "mem": "4096", "procs": "2"} | fields


def test_differences_make_rates() -> None:
    """Of time, disks and the log, over the time between two answers."""
    before = Sample(10.0, [jail(cpu="1.0", read="0", written="100", log="50")])
    now = Sample(12.0, [jail(cpu="2.0", read="2048", written="100", log="150")])

    assert loads(before, now) == [Load("web", "running", 9.0, 50.0, 4096, 2, 1024.0, 0.0, 50.0)]


def test_a_jail_that_was_started_meanwhile_counts_from_its_start() -> None:
    """What the run before used is not subtracted; the log goes on."""
    before = Sample(10.0, [jail(cpu="100.0", log="50")])

    [found] = loads(before, Sample(12.0, [jail(pid="8", cpu="1.0", log="70")]))

    assert (found.cpu, found.log) == (50.0, 10.0)


def test_what_is_not_known_stays_so() -> None:
    """A jail that is new to us, one that does not run, and the first answer have no rates."""
    first = Sample(1.0, [jail(cpu="1.0", log="0")])
    down = {"jail": "db", "phase": "failed", "log": "0"}

    assert loads(first, first)[0].cpu is None
    assert loads(Sample(0.0, []), first)[0].cpu is None
    assert loads(Sample(0.0, [down]), Sample(1.0, [down])) == [
        Load("db", "failed", None, None, None, None, None, None, 0.0)
    ]
    assert loads(first, Sample(2.0, [jail(paused="yes", log="0")]))[0].phase == "paused"


def test_the_greatest_comes_first() -> None:
    """By what is asked for; what is not known is last, and names decide between equals."""
    rows = loads(
        Sample(0.0, [jail("a", cpu="0", written="0"), jail("b", cpu="0"), jail("c", cpu="0")]),
        Sample(1.0, [jail("b", cpu="2"), jail("c", cpu="1"), jail("a", cpu="1", written="9"), {"jail": "d"}]),
    )

    assert "".join(each.jail for each in in_order(rows, "cpu")) == "bacd"
    assert "".join(each.jail for each in in_order(rows, "disk")) == "abcd"
    assert "".join(each.jail for each in in_order(rows, "name")) == "abcd"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0"),
        (0.4, "0"),
        (812, "812B"),
        (1000, "1.0K"),
        (1434, "1.4K"),
        (10 << 20, "10M"),
        (999 << 20, "999M"),
        (1 << 40, "1.0T"),
    ],
)
def test_sizes_are_short(number: float | None, text: str) -> None:
    """A number, a unit."""
    assert size(number) == text


@given(st.floats(0, 2**69))
def test_no_size_is_longer_than_five_characters(number: float) -> None:
    """So columns do not move."""
    assert len(size(number)) <= 5
