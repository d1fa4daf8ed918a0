"""The table for people, and the file for programs."""

import json

import pytest

from benchmarks import results, table
from benchmarks.figure import FLOOR, PEER, Budget, Figure

FOUND = (
    Figure("start to exit", "runjd", "ms", (20.0, 30.0, 10.0), budget=Budget(1.0, "runc")),
    Figure("start to exit", "runc", "ms", (40.0,), role=PEER),
    Figure("start to exit", "fork and exec", "ms", (5.0,), role=FLOOR),
    *(Figure("memory of each", "runjd", "KiB", (6.5,), n, is_each=True, budget=Budget(8.0)) for n in (1, 10, 1000)),
)


def test_each_figure_is_a_row_below_what_it_is_about():
    """Medians, spread, ratios, and who is ahead."""
    assert table.text(FOUND).split("\n") == [
        "    n  who            median  spread        to floor  ours/it",
        "",
        "start to exit, ms",
        "       runjd            20.0  10.0 to 30.0      4.00     0.50  ahead of runc, within the budget (runc)",
        "       runc             40.0                    8.00     0.50  ours is ahead",
        "       fork and exec    5.00                                   floor",
        "",
        "memory of each, KiB",
        "    1  runjd            6.50                                   within the budget (8.00 KiB)",
        "   10  runjd            6.50                                   within the budget (8.00 KiB)",
        "1,000  runjd            6.50                                   within the budget (8.00 KiB)",
    ]


def test_the_same_is_said_in_markdown():
    """Every row has as many cells as the head."""
    lines = table.markdown(FOUND).split("\n")

    assert len(lines) == 2 + len(FOUND)
    assert {line.count("|") for line in lines} == {9}
    assert lines[2].startswith(
        "| **start to exit, ms** |  | runjd | 20.0 | 10.0 to 30.0 | 4.00 | 0.50 | ahead of runc,"
    )


def test_no_figures_are_no_table():
    """Where all peers are missing, nothing is shown, and nothing fails."""
    assert table.text(()) == ""


def test_the_file_holds_what_was_found(tmp_path):
    """Also what follows from it, for who reads it; and it is read back as it was."""
    path = tmp_path / "results.json"
    found = results.Results({"kernel": "6.1"}, {"runc": "1.1.5"}, FOUND, {"s6": "not installed"})

    results.write(str(path), found)

    assert results.read(str(path)) == found
    told = json.loads(path.read_text())
    first = told["figures"][0]
    assert {name: first[name] for name in ("what", "who", "unit", "samples", "size", "role", "budget")} == {
        "what": "start to exit",
        "who": "runjd",
        "unit": "ms",
        "samples": [20.0, 30.0, 10.0],
        "size": 0,
        "role": "ours",
        "budget": {"limit": 1.0, "of": "runc"},
    }
    assert (first["median"], first["spread"], first["to_floor"]) == (20.0, [10.0, 30.0], 4.0)
    assert (first["to_other"], first["other"], first["is_over"]) == (0.5, "runc", False)
    assert [(each["what"], each["is_linear"]) for each in told["growth"]] == [("memory of each", True)]
    assert told["growth"][0]["exponent"] == pytest.approx(1.0)


def test_the_parts_of_a_run_are_joined():
    """Figures in their order; versions and what is missing of all parts."""
    parts = [
        results.Results({}, {"runc": "1"}, FOUND[:1], {}),
        results.Results({}, {"crun": "2"}, FOUND[1:], {"log": "failed"}),
    ]

    assert results.joined(parts, {"kernel": "6"}) == results.Results(
        {"kernel": "6"}, {"runc": "1", "crun": "2"}, FOUND, {"log": "failed"}
    )
