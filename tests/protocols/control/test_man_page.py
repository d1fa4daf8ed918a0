"""runjd-control(7) and the tables of the code say the same, in both directions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runjd.errors import exit_statuses
from runjd.policy.facts import HEALTH, PHASES, READY, STATUSES, WANTS
from runjd.protocols.attach import TYPES
from runjd.protocols.control.hall import MAX_IN_FLIGHT
from runjd.protocols.control.lines import MAX_LINE
from runjd.protocols.control.outlet import MAX_EVENTS, STUCK
from runjd.protocols.control.server import IDLE
from runjd.protocols.control.verbs.all import all_verbs
from runjd.protocols.control.verbs.events import KNOWN

CHECKOUT = Path(__file__).parents[3]
PAGE = (CHECKOUT / "man/runjd-control.7").read_text()
VERBS = all_verbs().verbs


def section(name: str) -> str:
    """Return the source of a section of the page."""
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]


def verb_parts() -> dict[str, tuple[str, str]]:
    """Return heading and text of each verb's entry."""
    parts = re.split(r"^\.It Ic (\S+)(.*)\n", section("VERBS"), flags=re.MULTILINE)[1:]
    return {parts[n]: (parts[n + 1], parts[n + 2]) for n in range(0, len(parts), 3)}


def test_every_verb_and_no_other():
    """The verbs of the page are those of the table."""
    assert sorted(verb_parts()) == sorted(name.lower() for name in VERBS)


@pytest.mark.parametrize("name", VERBS)
def test_the_keys_the_words_and_the_role_of_a_verb(name):
    """The page names exactly the keys and words that the verb takes, and its role."""
    heading, text = verb_parts()[name.lower()]
    verb = VERBS[name]
    keys = {key.name + (".N" if key.is_repeated else "") for key in verb.keys}

    assert set(re.findall(r"(?:^\.It|,) Cm (\S+) Ns =", text, re.MULTILINE)) == keys
    assert re.findall(r"\b[A-Z]+\b", heading) == [word.name for word in verb.words]
    assert text.startswith(f"Role: {verb.role}.\n")


def test_every_error_code_with_its_exit_status():
    """The codes of the page are the closed list."""
    found = re.findall(r"^\.It Er (\S+) Pq (\d+)$", section("ERROR CODES"), re.MULTILINE)

    assert {code: int(status) for code, status in found} == exit_statuses()
    assert [code for code, _ in found] == sorted(exit_statuses())


def test_every_event_with_its_keys():
    """The events of the page, and their keys, are those of the table."""
    parts = re.split(r"^\.It Cm (\S+)\n", section("EVENTS"), flags=re.MULTILINE)[1:]
    found = dict(zip(parts[::2], parts[1::2], strict=True))
    keys = {
        name: {key for line in re.findall(r"^\.Li (.*)", text, re.MULTILINE) for key in re.findall(r"\w+", line)}
        for name, text in found.items()
    }

    assert keys == {name: set(known) for name, known in KNOWN.items()}


def test_the_table_of_events_is_complete():
    """What the daemon emits is in the table."""
    emitted = set()
    for path in (CHECKOUT / "runjd/supervise").glob("*.py"):
        emitted |= set(re.findall(r'emit\((?:[\w.]+, |"", )?"(\w+)"', path.read_text()))

    assert emitted == KNOWN.keys() - {"hello", "gap"}


def test_the_state_of_a_jail():
    """All values of the four facts and the phase are in the page."""
    text = section("STATE OF A JAIL")
    for word in {*WANTS, *STATUSES, *PHASES, *READY, *HEALTH} - {"-"}:
        assert re.search(rf"\b{word}\b", text), word


def test_the_frames():
    """Every type of frame is in the page."""
    assert set(re.findall(r"\bLi ([A-Z])\b", section("STREAMS"))) | {"C"} == set(TYPES)


def test_the_numbers():
    """The limits are those of the code."""
    for text in (f"{MAX_LINE} bytes", f"{MAX_IN_FLIGHT} requests", f"{MAX_EVENTS // 1024} KiB", f"{STUCK:.0f} seconds"):
        assert text in PAGE
    assert f"nothing was said for {IDLE:.0f} seconds" in PAGE
