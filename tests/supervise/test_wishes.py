"""What outlasts a reboot, on disk."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import InputOutput
from runjd.policy.facts import Definition
from runjd.policy.settings import RestartRule, Settings
from runjd.spec.versioned import Newer
from runjd.supervise.wishes import Wish, Wishes

ALWAYS = Definition("web", "/b", "linux", settings=Settings(restart=RestartRule("always")))


@given(
    st.builds(
        Wish,
        want=st.sampled_from(["", "up", "down", "once"]),
        enabled=st.sampled_from([None, True, False]),
        definition=st.sampled_from([None, ALWAYS]),
    )
)
def test_what_was_written_is_read(tmp_path_factory, wish):
    """A wish is the same after a way to the disk."""
    wishes = Wishes(str(tmp_path_factory.mktemp("wishes")))
    wishes.write({"web": wish})

    assert wishes.load() == {"web": wish}


def test_what_is_forgotten_is_gone(tmp_path):
    """None removes; that there is nothing is no error."""
    wishes = Wishes(str(tmp_path))
    wishes.write({"web": Wish("up"), "db": Wish("down")})
    wishes.write({"web": None, "mail": None})

    assert wishes.load() == {"db": Wish("down")}
    assert os.listdir(tmp_path) == ["db.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 0, "want": "up"}',
        '{"version": 1, "want": "sideways"}',
        '{"version": 1, "want": "up", "enabled": 1}',
        '{"version": 1, "want": "up", "definition": {"id": "db"}}',
    ],
)
def test_what_is_damaged_is_left_alone(tmp_path, text):
    """One damaged file costs its jail what was wanted, and nobody else anything."""
    wishes = Wishes(str(tmp_path))
    wishes.write({"db": Wish("down")})
    (tmp_path / "web.json").write_text(text)

    assert wishes.load() == {"db": Wish("down")}
    assert (tmp_path / "web.json").read_text() == text


def test_what_a_newer_version_wants_is_refused_and_left_alone(tmp_path):
    """Who does not understand it must not write over it."""
    wishes = Wishes(str(tmp_path))
    (tmp_path / "web.json").write_text('{"version": 2, "want": "up"}')

    with pytest.raises(Newer, match="web.json: it is of version 2, written by a newer runjd"):
        wishes.load()

    assert (tmp_path / "web.json").read_text() == '{"version": 2, "want": "up"}'


def test_a_symbolic_link_is_not_followed(tmp_path):
    """Who can make a file there reads nothing by us."""
    (tmp_path / "secret").write_text('{"version": 1, "want": "up"}')
    os.symlink(tmp_path / "secret", tmp_path / "web.json")

    assert Wishes(str(tmp_path)).load() == {}


def test_a_disk_that_refuses_is_told(tmp_path):
    """The file is named."""
    wishes = Wishes(str(tmp_path / "nowhere"))

    with pytest.raises(InputOutput, match="nowhere"):
        wishes.write({"web": Wish("up")})
