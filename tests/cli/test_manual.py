"""The manual page agrees with the program."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest

from runjd.cli.ctl.table import PASSING, PLACES, PROGRAM
from runjd.cli.options import Option, Verb
from runjd.errors import exit_statuses

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(_ROOT, "man", "runjctl.8")

# ".It Cm list Oo Fl q ..." is a verb, perhaps of two words, ".It Fl q , Fl -quiet" one of its options
_PAIRS = "|".join(verb.name for verb in PROGRAM.verbs if " " in verb.name)
_VERB = re.compile(rf"^\.It Cm ({_PAIRS}|\S+)(.*)$")
_OPTION = re.compile(r"^\.It (Fl .*)$")


def page() -> list[str]:
    with open(PAGE, encoding="utf-8") as file:
        return file.read().splitlines()


def documented() -> dict[str, set[str]]:
    """Return the options with an entry of their own, by verb; those of the program by the empty name."""
    found: dict[str, set[str]] = {"": set()}
    verb = ""
    for line in page():
        if match := _VERB.match(line):
            verb = match[1]
            found[verb] = set()
        elif match := _OPTION.match(line):
            found[verb].update(re.findall(r"Fl -([a-z-]+)", match[1]))
        elif line == ".Sh SESSIONS":
            break
    return found


def synopses() -> dict[str, str]:
    return {match[1]: match[2] for line in page() if (match := _VERB.match(line))}


def names(options: tuple[Option, ...]) -> set[str]:
    return {each.name for each in options}


def test_the_page_has_every_verb_and_no_other() -> None:
    """Verbs in the table, in the page, and in the program are the same."""
    assert set(documented()) - {""} == {verb.name for verb in PROGRAM.verbs} == set(PLACES)


def test_options_before_the_verb_are_in_the_page() -> None:
    """So are the program's own options; --help comes by itself."""
    assert documented()[""] == names(PROGRAM.options) | {"help"}


@pytest.mark.parametrize("verb", PROGRAM.verbs, ids=lambda verb: verb.name)
def test_every_option_of_a_verb_is_in_the_page_and_no_other(verb: Verb) -> None:
    """Each has an entry, with its letter, and stands in the line that shows the verb; --json is described once."""
    assert documented()[verb.name] == names(verb.options) - {"json"}
    synopsis = synopses()[verb.name]
    letters = "".join(re.findall(r"Fl ([a-zA-Z]+)", synopsis))
    long_names = set(re.findall(r"Fl -([a-z-]+)", synopsis))
    for option in verb.options:
        assert option.short in letters if option.short else option.name in long_names
    assert sorted(letters) == sorted(option.short for option in verb.options if option.short)


@pytest.mark.parametrize("verb", [verb for verb in PROGRAM.verbs if verb.aliases], ids=lambda verb: verb.name)
def test_other_names_of_verbs_are_in_the_page(verb: Verb) -> None:
    """An alias is told at its verb."""
    for alias in verb.aliases:
        assert f".Cm {alias} ." in page()


def test_exit_statuses_are_those_of_the_errors() -> None:
    """The table of the page is the table of the program."""
    text = "\n".join(page())
    table = text[text.index("by the error code of the control protocol") : text.index("With several ids")]
    found = {
        code: int(match[1])
        for match in re.finditer(r"^\.It (\d+)\n([A-Z_, ]+):", table, re.MULTILINE)
        for code in match[2].split(", ")
    }
    assert found == exit_statuses()


def test_verbs_that_pass_a_status_on_are_named() -> None:
    """Whose failures are 125 to 127 is in the page."""
    text = "\n".join(page())
    section = text[text.index(".Sh EXIT STATUS") : text.index("Their own failures")]
    assert set(re.findall(r"^\.Cm (\S+)", section, re.MULTILINE)) == PASSING


def test_the_page_is_clean() -> None:
    """mandoc has nothing to say about it."""
    if shutil.which("mandoc") is None:
        pytest.skip("needs mandoc")
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", PAGE], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
