"""Tests for what EXEC makes of its arguments: :mod:`runjd.protocols.control.verbs.stream`."""

from __future__ import annotations

from runjd.protocols.control.request import parse_request
from runjd.protocols.control.verbs.stream import VERBS, merge_environment, process_of
from runjd.protocols.control.verbs.table import read_arguments
from runjd.spec.model import Capabilities, ConsoleSize, Process, User

EXEC = next(verb for verb in VERBS if verb.name == "EXEC")
DEFAULTS = Process(
    args=("/init",),
    cwd="/srv",
    env=("PATH=/bin", "A=1"),
    terminal=True,
    console_size=ConsoleSize(1, 1),
    user=User(1001, 100, 0o22, (5, 6)),
    capabilities=Capabilities(bounding=("CAP_KILL",)),
    no_new_privileges=True,
)


def made(line: str) -> Process:
    """Return the process that a request asks for."""
    return process_of(DEFAULTS, read_arguments(EXEC, parse_request(line)))


def test_what_is_not_asked_is_as_in_the_jail():
    """User, environment, directory and rights are those of the jail's process; the terminal is not."""
    assert made("exec web ls -l") == DEFAULTS._replace(args=("ls", "-l"), terminal=False, console_size=None)


def test_all_that_can_be_asked():
    """Each key changes its part; a user of one's own has no further groups."""
    process = made('exec web tty=yes rows=5 cols=9 user=7:8 cwd=/tmp env.1="A=2" env.2="B=x y" -- env FOO=bar --')

    assert process.args == ("env", "FOO=bar", "--")
    assert process.cwd == "/tmp"
    assert process.env == ("PATH=/bin", "A=2", "B=x y")
    assert process.terminal
    assert process.console_size == ConsoleSize(5, 9)
    assert process.user == User(7, 8, 0o22)
    assert process.capabilities == DEFAULTS.capabilities
    assert process.no_new_privileges


def test_a_user_without_group_keeps_the_group():
    """user=UID changes the user only."""
    assert made("exec web user=7 -- id").user == User(7, 100, 0o22)


def test_later_variables_win():
    """A name stands once."""
    assert merge_environment(("A=1", "B=1"), ("A=2", "C=3", "A=4")) == ("A=4", "B=1", "C=3")
