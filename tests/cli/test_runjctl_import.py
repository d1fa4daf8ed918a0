"""``runjctl import``: the jails of a host become bundles, and a configuration."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runjd.config.load import load
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
    done = runjctl("import", str(conf), "db", "--to", str(tmp_path / "to"))

    assert done.returncode == 0, done.stderr
    assert [each.name for each in (tmp_path / "to" / "bundles").iterdir()] == ["db"]
    written = tmp_path / "to" / "bundles" / "db" / "config.json"
    assert json.loads(written.read_text())["freebsd"]["jail"]["vnet"] == "new"
    assert (written.parent.stat().st_mode & 0o777, written.stat().st_mode & 0o777) == (0o700, 0o600)


def test_nothing_is_overwritten(conf: Path, tmp_path: Path) -> None:
    """Where one bundle or table is there already, nothing is written."""
    for name in ("bundles/web", "jails.d/web.toml"):
        target = tmp_path / name.partition("/")[0]
        (target / name).mkdir(parents=True)
        before = sorted(target.rglob("*"))

        done = runjctl("import", str(conf), "--to", str(target))

        assert done.returncode == 73
        assert b"is there; move it away" in done.stderr
        assert sorted(target.rglob("*")) == before


def test_the_configuration_that_is_written_is_right(conf: Path, tmp_path: Path) -> None:
    """runjctl check says so; what a jail depends on it requires, and it gets its time to stop."""
    target = tmp_path / "to"
    conf.write_text(CONF + 'web { exec.stop = "/bin/sh /etc/rc.shutdown"; exec.timeout = 20; stop.timeout = 5; }\n')

    assert runjctl("import", str(conf), "--to", str(target)).returncode == 0

    checked = runjctl("check", str(target / "runjd.toml"))
    assert (checked.returncode, checked.stdout) == (0, f"{target}/runjd.toml: 2 jails, nothing wrong\n".encode())
    (db, web) = load(str(target / "runjd.toml")).jails
    assert (web.bundle, web.settings.requires, web.settings.stop.timeout) == (f"{target}/bundles/web", ("db",), 25.0)
    assert (db.bundle, db.settings.requires) == (f"{target}/bundles/db", ())
    assert (target / "jails.d" / "web.toml").read_text().startswith(f"# Made by runjctl import of {conf}\n")


def test_a_directory_that_has_a_configuration_is_added_to(conf: Path, tmp_path: Path) -> None:
    """Its runjd.toml stays; what was imported before can be required, what was not is told."""
    target = tmp_path / "to"
    target.mkdir()
    (target / "runjd.toml").write_text("# mine\n")
    done = runjctl("import", str(conf), "web", "--to", str(target))
    assert b"web: db is not there, so it is not required; import it, too" in done.stderr
    (target / "jails.d" / "web.toml").unlink()
    (target / "bundles" / "web" / "config.json").unlink()
    (target / "bundles" / "web").rmdir()

    for name in ("db", "web"):
        assert runjctl("import", str(conf), name, "--to", str(target)).returncode == 0

    assert (target / "runjd.toml").read_text() == "# mine\n"
    assert [jail.settings.requires for jail in load(str(target / "runjd.toml")).jails] == [(), ("db",)]


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
