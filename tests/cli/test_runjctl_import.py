"""``runjctl import``: the jails of a host become bundles."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import runjctl

CONF = """
exec.start = "/bin/sh /etc/rc";
path = "/jails/$name";
mount.devfs;
.include "more/*.conf";
web { depend = db; securelevel = 2; }
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """Return a configuration of two jails, one of them in a file of its own."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "db.conf").write_text("db { vnet; }\n")
    (tmp_path / "jail.conf").write_text(CONF)
    return tmp_path / "jail.conf"


def test_without_a_directory_it_is_only_told(conf: Path) -> None:
    """A table, and what is not carried over with its line; nothing is written."""
    before = sorted(conf.parent.rglob("*"))

    done = runjctl("import", str(conf))

    assert done.returncode == 0, done.stderr
    assert [line.split() for line in done.stdout.decode().splitlines()] == [
        ["JAIL", "ROOT", "DEPENDS", "NOTES"],
        ["db", "/jails/db", "-", "-"],
        ["web", "/jails/web", "db", "1"],
    ]
    assert f"web: {conf}:6: securelevel: set kern.securelevel in the jail" in done.stderr.decode()
    assert "--to DIR writes" in done.stderr.decode()
    assert sorted(conf.parent.rglob("*")) == before


def test_bundles_are_written(conf: Path, tmp_path: Path) -> None:
    """One for each jail, for nobody else to read; or only those that are named."""
    done = runjctl("import", str(conf), "db", "--to", str(tmp_path / "bundles"))

    assert done.returncode == 0, done.stderr
    assert [each.name for each in (tmp_path / "bundles").iterdir()] == ["db"]
    written = tmp_path / "bundles" / "db" / "config.json"
    assert json.loads(written.read_text())["freebsd"]["jail"]["vnet"] == "new"
    assert (written.parent.stat().st_mode & 0o777, written.stat().st_mode & 0o777) == (0o700, 0o600)


def test_nothing_is_overwritten(conf: Path, tmp_path: Path) -> None:
    """Where one bundle is there already, none is written."""
    (tmp_path / "bundles" / "web").mkdir(parents=True)

    done = runjctl("import", str(conf), "--to", str(tmp_path / "bundles"))

    assert done.returncode == 73
    assert b"is there; move it away" in done.stderr
    assert [each.name for each in (tmp_path / "bundles").iterdir()] == ["web"]


def test_programs_get_all_of_it(conf: Path) -> None:
    """The documents, too."""
    found = json.loads(runjctl("import", str(conf), "--json").stdout)

    assert [each["jail"] for each in found] == ["db", "web"]
    assert found[1]["config"]["root"] == {"path": "/jails/web"}
    assert found[1]["depends"] == ["db"]


def test_what_is_wrong_is_said_in_one_line(conf: Path, tmp_path: Path) -> None:
    """A file that is not there, a jail that is not defined, a mistake in the file."""
    (tmp_path / "broken.conf").write_text("web {\n path = /jails/web\n}\n")

    for words, status, message in (
        (["/no/such/jail.conf"], 74, "/no/such/jail.conf: No such file or directory"),
        ([str(conf), "mail"], 69, f"{conf} defines no jail mail; there are: db, web"),
        ([str(tmp_path / "broken.conf")], 78, 'broken.conf:3: found "}", expected'),
    ):
        done = runjctl("import", *words)
        assert done.returncode == status
        assert message in done.stderr.decode()
        assert done.stderr.count(b"\n") == 1
