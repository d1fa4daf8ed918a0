"""What people and programs read."""

from __future__ import annotations

import json
import os
import termios

import pytest

from runjd.cli.output import (
    Cell,
    Column,
    Output,
    duration,
    standard,
    to_json,
    to_json_lines,
    to_values,
    visible,
    visible_bytes,
)


def written(width: int | None, columns: list[Column], rows: list[list[str]], coloured: bool = False) -> list[str]:
    reading, writing = os.pipe()
    Output(writing, coloured, width).table(columns, [[Cell(text) for text in row] for row in rows])
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        return pipe.read().splitlines()


def test_a_table_is_aligned() -> None:
    """Text stands on the left, numbers on the right, and no line ends in spaces."""
    lines = written(
        None,
        [Column("JAIL"), Column("PID", right=True), Column("PHASE")],
        [["web", "7", "running"], ["database", "1234", "idle"]],
    )
    assert lines == [
        "JAIL       PID  PHASE",
        "web          7  running",
        "database  1234  idle",
    ]


def test_columns_without_content_are_left_out() -> None:
    """A column that says nothing about any jail takes no room, unless it must be there."""
    lines = written(
        None, [Column("JAIL"), Column("HEALTH"), Column("PID", always=True)], [["web", "-", "-"], ["db", "", ""]]
    )
    assert lines == ["JAIL  PID", "web   -", "db    -"]


def test_a_narrow_terminal_cuts_the_columns_that_may_be_cut() -> None:
    """Lines fit the terminal; what was cut is marked."""
    columns = [Column("JAIL", shrinks=True), Column("PID", right=True), Column("REASON", shrinks=True)]
    lines = written(40, columns, [["j" * 30, "12345", "r" * 50], ["web", "1", "short"]])
    assert max(len(line) for line in lines) <= 40
    assert "…" in lines[1]
    assert "12345" in lines[1]


def test_a_very_narrow_terminal_still_shows_something() -> None:
    """Where nothing more can be cut the line is longer than the terminal, not empty."""
    lines = written(5, [Column("JAIL", shrinks=True), Column("PHASE")], [["w" * 20, "running"]])
    assert lines[1] == "wwwwwww…  running"


def test_columns_that_can_be_spared_go_before_names_are_unreadable() -> None:
    """A narrow terminal shows less of each jail, and still which jail it is."""
    columns = [Column("JAIL", shrinks=True), Column("WANT", spare=2), Column("STATUS", spare=1), Column("PHASE")]
    rows = [["a-jail-of-some-name", "up", "running", "starting"]]
    assert written(60, columns, rows)[0].split() == ["JAIL", "WANT", "STATUS", "PHASE"]
    assert written(40, columns, rows)[0].split() == ["JAIL", "STATUS", "PHASE"]
    assert written(30, columns, rows)[1].split() == ["a-jail-of-some-name", "starting"]
    assert written(25, columns, rows)[1] == "a-jail-of-some…  starting"


def test_without_a_terminal_nothing_is_cut() -> None:
    """A pipe gets everything."""
    assert written(None, [Column("JAIL", shrinks=True)], [["w" * 500]])[1] == "w" * 500


def test_hostile_text_cannot_talk_to_the_terminal() -> None:
    """Control characters in a name or a reason are shown, not obeyed."""
    assert written(80, [Column("JAIL")], [["a\x1b[2Jb\r\n\x9b"]])[1] == r"a\x1b[2Jb\x0d\x0a\xc2\x9b"


def test_colours_do_not_disturb_the_alignment() -> None:
    """Styles add no width."""
    reading, writing = os.pipe()
    columns = [Column("JAIL"), Column("PID", right=True)]
    Output(writing, is_coloured=True).table(columns, [[Cell("web", "good"), Cell("1")]])
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        lines = pipe.read().splitlines()
    assert lines[1] == "\x1b[32mweb\x1b[m     1"


def test_pairs_leave_out_what_is_unknown() -> None:
    """Names are aligned, empty values are not shown."""
    reading, writing = os.pipe()
    Output(writing).pairs([("pid", Cell("7")), ("jid", Cell("-")), ("status", Cell("running"))])
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        assert pipe.read() == "pid     7\nstatus  running\n"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s"), (0, "0s"), (7.9, "7s"), (59.9, "59s"), (60, "1m00s"), (252, "4m12s"), (3600, "1h00m"),
        (11220, "3h07m"), (86400, "1d00h"), (187200, "2d04h"), (864000, "10d"), (1e8, "1157d"),
    ],
)  # fmt: skip
def test_durations_are_short(seconds: float, text: str) -> None:
    """Two units say enough."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"plain \xc3\xa9", "plain é"),
        (b"tab\there", "tab\there"),
        (b"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"),
        (b"\x1b[2J", r"\x1b[2J"),
        (b"\x1b]0;title\x07", r"\x1b]0;title\x07"),
        (b"\x1b[31", r"\x1b[31"),
        (b"\xff\xc2\x9b", r"\xff\xc2\x9b"),
        (b"over\rwritten", r"over\x0dwritten"),
    ],
)
def test_log_lines_keep_colours_and_nothing_else(data: bytes, text: str) -> None:
    """A program may colour its output; it may not clear the screen or set a title."""
    assert visible_bytes(data) == text


def test_visible_text_passes() -> None:
    """Text of any language is no danger."""
    assert visible("grün 漢字") == "grün 漢字"


def test_values_for_programs_are_typed_by_key() -> None:
    """Numbers are numbers, a jail called 123 stays text, unknown is null or what the daemon says."""
    fields = {"jail": "123", "pid": "7", "up": "1.5", "jid": "-", "exit": "unknown", "ready": "yes"}
    expected = {"jail": "123", "pid": 7, "up": 1.5, "jid": None, "exit": "unknown", "ready": "yes"}
    assert to_values(fields) == expected


def test_arrays_have_one_element_on_each_line() -> None:
    """Both a JSON parser and grep can read a list."""
    text = to_json_lines([{"a": 1}, {"a": 2}])
    assert text.splitlines() == ["[", '{"a": 1},', '{"a": 2}', "]"]
    assert json.loads(text) == [{"a": 1}, {"a": 2}]
    assert json.loads(to_json_lines([])) == []


def test_bytes_that_are_no_text_survive_json() -> None:
    """A program can get the bytes back."""
    text = to_json(b"\xff\0x".decode("utf-8", "surrogateescape"))
    assert json.loads(text).encode("utf-8", "surrogateescape") == b"\xff\0x"


def test_colours_need_a_terminal_that_wants_them() -> None:
    """No colours in a pipe, with NO_COLOR, or on a dumb terminal, unless they are demanded."""
    master, slave = os.openpty()
    reading, writing = os.pipe()
    try:
        assert standard(slave, {}).is_coloured
        assert not standard(slave, {"NO_COLOR": "1"}).is_coloured
        assert not standard(slave, {"TERM": "dumb"}).is_coloured
        assert not standard(slave, {}, "never").is_coloured
        assert not standard(writing, {}).is_coloured
        assert standard(writing, {"NO_COLOR": "1"}, "always").is_coloured
    finally:
        for fd in (master, slave, reading, writing):
            os.close(fd)


def test_the_width_is_that_of_the_terminal() -> None:
    """COLUMNS counts before the terminal's word, and a pipe has no width."""
    master, slave = os.openpty()
    reading, writing = os.pipe()
    try:
        termios.tcsetwinsize(slave, (24, 132))
        assert standard(slave, {}).width == 132
        assert standard(slave, {"COLUMNS": "60"}).width == 60
        termios.tcsetwinsize(slave, (0, 0))
        assert standard(slave, {"COLUMNS": "x"}).width == 80
        assert standard(writing, {"COLUMNS": "60"}).width is None
    finally:
        for fd in (master, slave, reading, writing):
            os.close(fd)
