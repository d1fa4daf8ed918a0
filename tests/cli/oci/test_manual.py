"""The manual page of runj agrees with the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from runjd.cli.oci.table import PLACES, PROGRAM
from runjd.cli.options import Option, Verb

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
PAGE = os.path.join(_ROOT, "man", "runj.8")


def section(start: str, end: str) -> str:
    """Return a part of the page."""
    with open(PAGE, encoding="utf-8") as file:
        text = file.read()
    return text[text.index(start) : text.index(end, text.index(start))]


def entries(part: str) -> set[str]:
    """Return the long names of the options that have an entry of their own."""
    return {
        name for line in part.splitlines() if line.startswith(".It Fl") for name in re.findall(r"Fl -([\w-]+)", line)
    }


def synopses() -> dict[str, str]:
    """Return the lines that show how each verb is called."""
    found: dict[str, str] = {}
    for item in re.split(r"^\.It ", section(".Sh VERBS", "Options of the verbs are:"), flags=re.MULTILINE)[1:]:
        lines = item.splitlines()
        shown = item[: item.index(".Xc")] if lines[0] == "Xo" else lines[0]
        match = re.search(r"Cm ((?:demo )?[a-z-]+)", shown)
        assert match, item
        found[match[1]] = found.get(match[1], "") + shown
    return found


def names(options: tuple[Option, ...]) -> set[str]:
    """Return the long names."""
    return {each.name for each in options}


def test_every_verb_is_in_the_page_and_no_other() -> None:
    """Verbs in the table, in the page, and in the program are the same."""
    assert set(synopses()) == {verb.name for verb in PROGRAM.verbs} == set(PLACES)


def test_options_before_the_verb_are_in_the_page() -> None:
    """So are the program's own options; --help comes by itself."""
    assert entries(section("Options that stand before", ".Sh VERBS")) == names(PROGRAM.options) | {"help"}


def test_every_option_of_a_verb_is_in_the_page_and_no_other() -> None:
    """Each has one entry for all verbs."""
    known = set().union(*(names(verb.options) for verb in PROGRAM.verbs))

    assert entries(section("Options of the verbs are:", ".Sh RUNTIMES")) == known


@pytest.mark.parametrize("verb", PROGRAM.verbs, ids=lambda verb: verb.name)
def test_a_verb_is_shown_with_its_options(verb: Verb) -> None:
    """By their letter where they have one, and no others."""
    shown = synopses()[verb.name]
    letters = set("".join(re.findall(r"Fl ([a-zA-Z]+)", shown)))
    long_names = set(re.findall(r"Fl -([\w-]+)", shown))

    assert letters == {option.short for option in verb.options if option.short}
    assert long_names == {option.name for option in verb.options if not option.short}


@pytest.mark.parametrize("verb", [verb for verb in PROGRAM.verbs if verb.aliases], ids=lambda verb: verb.name)
def test_other_names_of_verbs_are_in_the_page(verb: Verb) -> None:
    """An alias is told at its verb."""
    for alias in verb.aliases:
        assert f"\n.Cm {alias}\n" in section(".Sh VERBS", "Options of the verbs are:")


def test_the_page_is_clean() -> None:
    """mandoc has nothing to say about it."""
    if shutil.which("mandoc") is None:
        pytest.skip("needs mandoc")
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", PAGE], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
