"""runjd.toml(5) documents every key."""

import re
from pathlib import Path

from runjd.config.accesskeys import ACCESS
from runjd.config.daemonkeys import DAEMON
from runjd.config.jailkeys import JAIL
from runjd.config.sections import names_of

PAGE = (Path(__file__).parent.parent.parent / "man" / "runjd.toml.5").read_text()


def named():
    """Return all words that the page shows as they are typed."""
    found = set()
    for line in re.findall(r"^\.(?:It )?Cm (.*)$", PAGE, re.MULTILINE):
        found |= set(line.split())
    return found


def test_every_key_is_in_the_page():
    """Those of tables, too, by their last part."""
    keys = {name.rpartition(".")[2] for name in names_of((*JAIL, *DAEMON, *ACCESS.keys))}

    assert keys - named() == set()


def test_every_key_of_a_jail_has_an_entry():
    """It can be looked up."""
    entries = {word for line in re.findall(r"^\.It Cm (.*)$", PAGE, re.MULTILINE) for word in line.split()}

    assert {key.name for key in (*JAIL, *DAEMON, *ACCESS.keys)} - entries == set()


def test_no_entry_is_anything_else():
    """What has an entry is a key, or a table."""
    keys = {name.rpartition(".")[2] for name in names_of((*JAIL, *DAEMON, *ACCESS.keys))}
    entries = {word for line in re.findall(r"^\.It Cm ([^[].*)$", PAGE, re.MULTILINE) for word in line.split(" , ")}

    assert entries - keys == set()
