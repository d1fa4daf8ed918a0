"""The run of all benchmarks: what is in it, and what is said of what is not."""

import importlib
import re
from pathlib import Path

import pytest

from benchmarks import all as everything
from benchmarks import page, peers, plots, results
from benchmarks.figure import FLOOR, PEER, Budget, Figure
from benchmarks.measurement import FULL, QUICK

CHECKOUT = Path(__file__).parents[2]
#: takes twelve minutes
ALONE = {"crashes"}
OURS = Figure("start", "runjd", "ms", (20.0,), budget=Budget(1.0, "crun"))
GROWING = tuple(Figure("list", "runjd", "ms", (float(size),), size) for size in (1, 10, 100))
FOUND = results.Results(
    {
        "command": "python -m benchmarks.all --rounds 9",
        "at": "2026-11-30 16:00 UTC",
        "until": "2026-11-30 16:30 UTC",
        "system": "Debian",
        "kernel": "6.1",
        "processor": "x",
        "processors": 2,
        "memory_MiB": 100,
        "python": "3.11.2",
        "load": [1.0, 1.5],
        "load_after": [2.0, 1.5],
    },
    {"crun": "1.8.1"},
    (
        OURS,
        Figure("start", "crun", "ms", (10.0,), role=PEER),
        Figure("start", "fork and exec", "ms", (5.0,), role=FLOOR),
        *GROWING,
    ),
    {"s6": "not installed: package s6"},
)


def test_every_benchmark_is_run_but_the_one_that_takes_too_long():
    """A module that measures is not forgotten, and each says in a sentence what it is about."""
    texts = {path.stem: path.read_text() for path in (CHECKOUT / "benchmarks").glob("*.py")}
    measuring = {name for name, text in texts.items() if "def measure(plan: Plan)" in text}

    assert measuring == {*everything.BENCHMARKS, *ALONE}
    for name in measuring:
        assert f"python -m benchmarks.{name}" in (importlib.import_module(f"benchmarks.{name}").__doc__ or "")


def test_one_that_fails_is_named_with_its_last_words(tmp_path):
    """The others are measured all the same."""
    found = everything.run_one("nothing", [], str(tmp_path))

    assert found.figures == ()
    assert re.fullmatch(r"failed: .*No module named benchmarks.nothing", found.missing["nothing"])


def test_the_summary_tells_what_is_over_its_budget_how_it_grows_and_what_is_missing():
    """Nothing has to be looked for in the table."""
    told = everything.summary(FOUND)

    assert told.startswith("Of 1 figures that have a peer ours is ahead in 0.")
    assert "\nOver the budget:\n  start, runjd: behind crun, over the budget (crun) by 100 %\n" in told
    assert "\n  list, runjd: 1: 1.00, 10: 10.0, 100: 100 ms; all of it as n^1.00: linear or better\n" in told
    assert told.endswith("\nMissing:\n  s6: not installed: package s6")


def test_a_peer_that_is_not_there_is_missing(monkeypatch):
    """It is named, with the package that has it."""
    monkeypatch.setenv("PATH", "")

    assert peers.missing()["runit"] == "not installed: package runit"
    assert "runit" not in peers.versions()


@pytest.mark.parametrize("name", [name for name, peer in peers.PEERS.items() if "PyPI" not in peer.package])
def test_make_bench_installs_the_peers(name):
    """What is measured is what the distribution has."""
    jobs = (CHECKOUT / ".ci/packages").read_text()

    assert f"need {peers.PEERS[name].package} command -v {peers.PEERS[name].program}\n" in jobs


def test_costs_are_taken_at_three_sizes_and_when_it_is_quick_at_the_largest():
    """A line goes through any two points."""
    assert FULL.shares(20, 4, 1) == [100, 500, 2000]
    assert not FULL.is_quick
    assert QUICK.shares(20, 4, 1) == [max(QUICK.sizes)]
    assert QUICK.is_quick


def test_the_page_shows_the_table_the_growth_and_the_machine():
    """Also when it was, and how busy it was."""
    text = page.page(FOUND)

    assert "`python -m benchmarks.all --rounds 9` on 2 processors (x), 100 MiB of memory, Debian, Linux 6.1" in text
    assert "Python 3.11.2; from 2026-11-30 16:00 UTC to 2026-11-30 16:30 UTC." in text
    assert "The load of the machine was 1.0 1.5 at the beginning and 2.0 1.5, the benchmark" in text
    assert "\n- start, runjd: behind crun, over the budget (crun) by 100 %\n" in text
    assert "\n- s6: not installed: package s6\n" in text
    assert "\n| list | runjd | 1: 1.00, 10: 10.0, 100: 100 ms | all of it as n^1.00: linear or better |\n" in text


def test_pictures_are_drawn_of_what_was_found(tmp_path):
    """The same figures are the same bytes."""
    pytest.importorskip("matplotlib", reason="make bench installs matplotlib")

    names = plots.draw(FOUND.figures, str(tmp_path))

    drawn = {name: (tmp_path / name).read_bytes() for name in names}
    assert set(drawn) == set(page.PICTURES)
    assert b"start: runjd to crun" in drawn["standing.svg"]
    plots.draw(FOUND.figures, str(tmp_path))
    assert {name: (tmp_path / name).read_bytes() for name in names} == drawn


def test_nothing_is_no_picture(tmp_path):
    """Where nothing was measured there is nothing to be drawn."""
    pytest.importorskip("matplotlib", reason="make bench installs matplotlib")

    assert plots.draw((), str(tmp_path)) == []
