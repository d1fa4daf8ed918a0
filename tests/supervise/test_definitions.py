"""The definitions on disk."""

import os
import resource
import stat

import pytest

from runjd.errors import InputOutput
from runjd.policy.facts import Definition, ExitRecord
from runjd.spec.versioned import Newer
from runjd.supervise.definitions import Definitions, Known

FULL = Known(
    Definition("web", "/b\u00e4/\udcff", "linux", True, (24, 80), True), "up", True, ExitRecord(7, None, 9, 1.5)
)
EXIT = b'{"version": 1, "want": "up", "definition": {"id": "web"}, "last_exit": {%s}}'
BARE = Known(Definition("db", "/b", "plain"), "down")


@pytest.fixture
def definitions(tmp_path):
    """Return definitions in a directory of their own."""
    return Definitions(str(tmp_path), "b1")


def test_what_was_saved_is_loaded(definitions):
    """All of it, whatever bytes a path has."""
    definitions.save(FULL)
    definitions.save(BARE)

    assert list(definitions.load()) == [BARE, FULL]


def test_a_newer_one_replaces_an_older_one(definitions):
    """There is one for each jail, and no leftover."""
    definitions.save(FULL)
    definitions.save(FULL._replace(want="down"))

    assert [known.want for known in definitions.load()] == ["down"]


def test_what_was_read_is_not_written_again(definitions, tmp_path):
    """A new daemon of a thousand jails does not begin with a thousand files; what differs is written."""
    definitions.save(FULL)
    definitions.save(BARE)
    new = Definitions(str(tmp_path), "b1")
    known = {each.definition.id: each for each in new.load()}
    before = {name: os.stat(tmp_path / name).st_ino for name in os.listdir(tmp_path)}

    new.save(known["web"])
    new.save(known["db"]._replace(want="up"))

    changed = {name for name in os.listdir(tmp_path) if os.stat(tmp_path / name).st_ino != before[name]}
    assert changed == {"db.json"}


def test_what_was_read_is_written_where_it_is_there_no_more(definitions, tmp_path):
    """It was removed in between, or written by an earlier boot."""
    definitions.save(BARE)
    new = Definitions(str(tmp_path), "b1")
    [known] = new.load()
    new.remove("db")
    new.save(known)
    assert list(new.load()) == [BARE]

    later = Definitions(str(tmp_path), "b2")
    [known] = later.load()
    later.save(known._replace(is_of_this_boot=True))
    assert [each.is_of_this_boot for each in Definitions(str(tmp_path), "b2").load()] == [True]


def test_it_is_nobody_elses_business(definitions, tmp_path):
    """A definition has mode 0600."""
    definitions.save(BARE)

    assert stat.S_IMODE(os.stat(tmp_path / "db.json").st_mode) == 0o600


def test_what_was_removed_is_gone(definitions):
    """Removing twice is no error."""
    definitions.save(BARE)
    definitions.remove("db")
    definitions.remove("db")

    assert list(definitions.load()) == []


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 0}',
        b'{"version": "2"}',
        b'{"version": 1, "want": "up", "definition": {"id": "other", "bundle": "/b", "runtime": ""}}',
        b'{"version": 1, "want": "up", "definition": {"id": "../x", "bundle": "/b", "runtime": ""}}',
        b'{"version": 1, "want": "up", "definition": {"id": "web", "size": [1]}}',
        b'{"version": 1, "want": "up", "last_exit": {"nonsense": 1}, "definition": {"id": "web"}}',
        EXIT % b'"pid": 1, "status": "x", "signal": 1, "at": 1',
        EXIT % b'"pid": 1, "status": 0, "signal": null, "at": ""',
        b"\xff\xfe",
    ],
)
def test_a_damaged_one_is_told_and_left_alone(definitions, tmp_path, contents):
    """The others are loaded."""
    definitions.save(BARE)
    (tmp_path / "web.json").write_bytes(contents)

    assert list(definitions.load()) == [BARE]
    assert (tmp_path / "web.json").exists()


#: what the first daemon wrote, which had neither restarts nor a configuration
_FIRST = """{"version": 1, "want": "up", "is_expected": true,
"last_exit": {"pid": 7, "status": 3, "signal": null, "at": 1.5, "core": false},
"definition": {"id": "web", "bundle": "/b", "runtime": "plain", "stdin": true, "size": [24, 80], "remove": false}}"""


def test_one_of_the_first_daemon_is_read(definitions, tmp_path):
    """What was added since has the value that fits."""
    (tmp_path / "web.json").write_text(_FIRST)

    (known,) = definitions.load()

    definition = Definition("web", "/b", "plain", True, (24, 80))
    assert known == Known(definition, "up", True, ExitRecord(7, 3, None, 1.5), stood="idle")


def test_one_of_a_newer_version_is_refused_and_left_alone(definitions, tmp_path):
    """A daemon that does not understand it could start its jail a second time; so it starts none, and says why."""
    definitions.save(BARE)
    (tmp_path / "web.json").write_text('{"version": 2, "want": "up"}')

    with pytest.raises(Newer) as refused:
        list(definitions.load())

    assert str(refused.value).startswith(f"{tmp_path}/web.json: it is of version 2, written by a newer runjd; this one")
    assert "start the newer version again, or move the file away" in str(refused.value)
    assert (tmp_path / "web.json").read_text() == '{"version": 2, "want": "up"}'


def test_unknown_keys_are_skipped(definitions, tmp_path):
    """A newer daemon may have written more."""
    (tmp_path / "web.json").write_text(
        '{"version": 1, "want": "up", "new": 1, "definition": {"id": "web", "bundle": "/b", "runtime": "", "new": 2}}'
    )

    assert [known.definition.id for known in definitions.load()] == ["web"]


def test_what_an_interrupted_write_left_is_no_definition(definitions, tmp_path):
    """A half-written file has another name."""
    (tmp_path / "web.json.new").write_text("{")

    assert list(definitions.load()) == []
    definitions.save(FULL)
    assert len(os.listdir(tmp_path)) == 1


def test_a_link_leads_nowhere(definitions, tmp_path):
    """Nothing is written through a symbolic link, which loses its name."""
    os.symlink(tmp_path / "elsewhere", tmp_path / "web.json.new")

    definitions.save(FULL)

    assert list(definitions.load()) == [FULL]
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_takes_only_a_part_leaves_the_old_one(definitions):
    """What could not be written whole does not replace what is there."""
    definitions.save(FULL)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50, before[1]))
    try:
        with pytest.raises(InputOutput):
            definitions.save(FULL._replace(want="down"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert list(definitions.load()) == [FULL]
