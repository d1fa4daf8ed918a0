"""The sample configuration in etc/."""

import grp
import os
import re
import tomllib
from pathlib import Path

import pytest

from runjd.config.accesskeys import ACCESS
from runjd.config.daemonkeys import DAEMON
from runjd.config.endpoints import endpoint_of
from runjd.config.jailkeys import DEFAULTS, JAIL
from runjd.config.jails import Base
from runjd.config.load import load
from runjd.config.model import DaemonConfig, Tls
from runjd.config.sections import names_of

SAMPLE = Path(__file__).parent.parent.parent / "etc" / "runjd.toml"
#: keys that a host decides, so that the sample cannot show what holds
OF_THE_HOST = {"state", "log", "data", "control", "keeper", "runtime", "group", "audit"}

TLS = Tls(
    endpoint_of("tcp:7443:interface=0.0.0.0"),
    "/etc/runjd/tls/server.crt",
    "/etc/runjd/tls/server.key",
    "/etc/runjd/tls/ca.crt",
)


@pytest.fixture
def uncommented(tmp_path):
    """Return the sample with all of its settings."""
    path = tmp_path / "runjd.toml"
    text = re.sub(r"^#(?=[a-z\[])", "", SAMPLE.read_text(), flags=re.MULTILINE)
    path.write_text(text.replace('group = "runjd"', f'group = "{grp.getgrgid(os.getgid()).gr_name}"'))
    return path


def test_as_it_is_installed_it_changes_nothing(tmp_path):
    """All of it is explanation."""
    (tmp_path / "runjd.toml").write_text(SAMPLE.read_text())

    found = load(str(tmp_path / "runjd.toml"))

    assert (found.daemon, found.jails) == (DaemonConfig(), ())


def test_what_it_shows_makes_sense(uncommented):
    """With all settings in force nothing is wrong."""
    assert [each.id for each in load(str(uncommented)).jails] == ["cache", "db", "mail", "web"]


def test_it_shows_what_holds_where_nothing_is_said(uncommented):
    """The values of the daemon and of the defaults are those of the program."""
    daemon = load(str(uncommented)).daemon
    before, _, _ = uncommented.read_text().partition("[jail.db]")
    uncommented.write_text(before + '[jail.db]\nbundle = "/b"\n')

    (jail,) = load(str(uncommented)).jails

    assert jail.settings == Base().settings
    assert daemon == DaemonConfig(*daemon[: len(OF_THE_HOST)], metrics=endpoint_of("tcp:9633"), tls=TLS)


def test_every_key_is_in_it(uncommented):
    """And each has an example."""
    document = tomllib.loads(uncommented.read_text())

    assert {key.name for key in DAEMON} == set(document["daemon"])
    assert {key.name for key in ACCESS.keys} == {name for rule in document["access"] for name in rule}
    assert {key.name for key in DEFAULTS} >= set(document["defaults"])
    shown = {name for table in (document["defaults"], *document["jail"].values()) for name in _names(table)}
    assert {_short(name) for name in names_of(JAIL)} - {_short(name) for name in shown} == set()


def _short(name):
    """Return the name of a key; a probe is the same thing wherever it stands."""
    return name[name.index("probe.") :] if "probe." in name else name


def _names(table, above=""):
    for name, value in table.items():
        yield f"{above}{name}"
        if isinstance(value, dict):
            yield from _names(value, f"{above}{name}.")
