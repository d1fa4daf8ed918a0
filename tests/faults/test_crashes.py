"""
Killed, or refused by the disk, at each call by which state is written: old or new, and nothing that is in the way.

What was killed is looked at by its own readers, as the next daemon, keeper or runj would; then it is done again.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.faults.deeds import DEEDS, Deed
from tests.faults.tracer import Life, run

pytestmark = pytest.mark.linux


def lives(kind: type[Deed], directory: str, faults: Callable[[int], dict[str, int]]) -> list[tuple[Deed, Life]]:
    """Return what becomes of a deed by a fault at each of its calls, each in a directory of its own."""
    found: list[tuple[Deed, Life]] = []
    number, count = 0, 1
    while number < count:
        os.mkdir(f"{directory}/{number}", 0o700)
        deed = kind(f"{directory}/{number}")
        deed.prepare()
        life = run(deed.act, **faults(number))
        found.append((deed, life))
        count = max(count, len(life.calls) + 1)
        number += 1
    return found


@pytest.mark.parametrize("kind", DEEDS)
def test_whoever_is_killed_has_damaged_nothing(private_dir: str, kind: type[Deed]) -> None:
    """Before each of the calls that write, and after the last: old or new; done again it leaves nothing else."""
    found = lives(kind, private_dir, lambda number: {"kill_at": number})
    whole, last = found[-1]
    assert last.end == "done"
    assert len(found) == len(last.calls) + 1 > 1
    names = whole.names()

    for deed, life in found:
        deed.check(life.end == "done")
        deed.do_again()
        assert deed.names() == names, life


@pytest.mark.parametrize("kind", DEEDS)
def test_a_disk_that_refuses_damages_nothing_and_is_told(private_dir: str, kind: type[Deed]) -> None:
    """At each of the calls that write: what is said to be done is, else it is old or new; done again it is new."""
    found = lives(kind, private_dir, lambda number: {"fail_at": number})
    names = found[-1][0].names()

    for deed, life in found:
        deed.check(life.end == "done" and deed.tells)
        deed.do_again()
        assert deed.names() == names, life
