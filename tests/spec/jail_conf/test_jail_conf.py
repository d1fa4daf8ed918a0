"""Tests of runjd.spec.jail_conf: tokens, statements, jails."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.spec.jail_conf.jails import DefinedJail, defined_jails, matches
from runjd.spec.jail_conf.statements import parse

HANDBOOK = """
# what every jail has
exec.start = "/bin/sh /etc/rc";
exec.stop = "/bin/sh /etc/rc.shutdown";
exec.clean;                       // no environment of the host
mount.devfs;
path = "/usr/local/jails/containers/${name}";
host.hostname = "${name}.$domain";
$domain = example.org;

/* the network
   of all */
* { ip4.addr = 'lo1|$bridge'; allow.raw_sockets; }

web {
    ip4.addr = 10.0.0.1, 10.0.0.2;
    ip4.addr += "10.0.0.3";
    allow.noraw_sockets;
    depend = db;
}
db { allow.sysvipc = 1; $domain = "db.example.org"; }
pod { children.max = 5; }
pod.* { path = /pods/$name; }
pod.mail { }
"""


def jails(text: str, files: dict[str, str] | None = None) -> dict[str, DefinedJail]:
    """Return the jails of a text, by name."""

    def read(pattern: str, file: str) -> Sequence[tuple[str, str]]:
        del file
        return [(name, each) for name, each in (files or {}).items() if name == pattern or pattern == "*"]

    return {each.name: each for each in defined_jails(parse(text, "jail.conf", read))}


def test_the_jails_of_a_file_have_what_stands_outside_and_in_patterns() -> None:
    """Their own parameters are stronger, in whichever order they stand; lists are added to."""
    found = jails(HANDBOOK)

    assert list(found) == ["web", "db", "pod", "pod.mail"]
    web, db = found["web"], found["db"]
    assert web.values("ip4.addr") == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert db.values("ip4.addr") == ("lo1|$bridge",)
    assert (web.text("path"), db.text("path")) == (
        "/usr/local/jails/containers/web",
        "/usr/local/jails/containers/db",
    )
    assert (web.text("host.hostname"), db.text("host.hostname")) == ("web.example.org", "db.db.example.org")
    assert found["pod.mail"].text("path") == "/pods/pod.mail"


def test_a_flag_stands_alone_has_a_value_or_is_negated() -> None:
    """jail.conf(5): ``allow.mount``, ``allow.mount = "false"``, ``allow.nomount``."""
    found = jails(HANDBOOK)

    assert found["web"].flag("exec.clean") is True
    assert found["web"].flag("allow.raw_sockets") is False
    assert found["db"].flag("allow.raw_sockets") is True
    assert found["db"].flag("allow.sysvipc") is True
    assert found["db"].flag("allow.chflags") is None
    assert jails("a { persist = false; }")["a"].flag("persist") is False


def test_a_variable_that_stands_alone_is_all_of_its_values() -> None:
    """Within a string they are joined by commas."""
    found = jails('$ips = 10.0.0.1, 10.0.0.2;\na { ip4.addr = $ips; comment = "of $ips"; }')["a"]

    assert found.values("ip4.addr") == ("10.0.0.1", "10.0.0.2")
    assert found.values("comment") == ("of 10.0.0.1,10.0.0.2",)


def test_strings_are_words_or_quoted_and_escaped() -> None:
    """Single quotes keep everything, double quotes and words know backslashes and octal codes."""
    found = jails(r"""a { one = 'a\n$b'; two = "a\tb\101\"c"; three = a\ b"c d"'e'; four = "$"; }""")["a"]

    assert found.text("one") == r"a\n$b"
    assert found.text("two") == 'a\tbA"c'
    assert found.text("three") == "a bc de"
    assert found.text("four") == "$"


def test_other_files_are_included_where_they_are_named() -> None:
    """By their names or by a pattern; what they say counts as if it stood there."""
    found = jails('.include "*";\npath = "/j/$name";', {"a.conf": "a { }", "b.conf": "b { path = /b; }"})

    assert (found["a"].text("path"), found["b"].text("path")) == ("/j/a", "/b")
    assert found["b"].settings["path"].place == "b.conf:1"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a {\n path = /a\n}", 3, 'found "}", expected "," or ";"; is there a ";" missing?'),
        ("a {\n path = /a;", 2, 'the file ends too early; expected a parameter, or "}" for the "{" of line 1'),
        ("a {\n path == /a;\n}", 2, 'found "=", expected a value'),
        ("a {\n path /a;\n}", 2, 'found "/a" behind "path", expected "=", "+=" or ";"'),
        ("}\n", 1, 'found "}", expected a parameter or the name of a jail'),
        ('\n\na { path = "/a; }\n\n', 3, 'a string begins with " and has no end'),
        ("/* never\nended", 1, "a comment begins with /* and has no end"),
        ("a { path = $nowhere; }", 1, 'the variable "nowhere" is not set for the jail "a"'),
        ("$x = $y;\n$y = $x;\na { path = $x; }", 2, 'the variable "x" stands for itself'),
        ("a { path = ${; }", 1, "${ is followed by no name and }"),
        ("$a b { }", 1, 'found "b" behind "${a}"'),
        ('"a$b" { }', 1, "cannot have a variable in it"),
        (".include x", 1, "the file ends too early"),
        ("a { persist = maybe; }", 1, 'persist: found "maybe", expected true or false'),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, line: int, words: str) -> None:
    """File, line, and what was expected."""
    with pytest.raises(SpecError) as raised:
        jails(text)["a"].flag("persist")

    assert raised.value.file == f"jail.conf:{line}"
    assert words in raised.value.reason


def test_files_that_include_each_other_are_an_error() -> None:
    """Not the end of the memory."""
    with pytest.raises(SpecError, match="is this a loop"):
        jails(".include a;", {"a": ".include a;"})


@pytest.mark.parametrize(
    ("pattern", "name", "applies"),
    [
        ("*", "web", True),
        ("*", "pod.web", True),
        ("pod.*", "pod.web", True),
        ("pod.*", "pod.web.one", True),
        ("pod.*", "pod", False),
        ("*.web", "pod.web", True),
        ("*.web", "web", False),
        ("web", "web2", False),
    ],
)
def test_a_pattern_has_stars_for_components(pattern: str, name: str, applies: bool) -> None:
    """A last one stands for all that are left."""
    assert matches(pattern, name) is applies


@given(st.text("ab{}=+,;\"'$\\*/#. \n", max_size=40))
def test_no_text_breaks_the_parser(text: str) -> None:
    """It is understood, or refused with a line."""
    try:
        place = ""
        jails(text)
    except SpecError as error:
        place = error.file

    assert not place or place.startswith("jail.conf:")
