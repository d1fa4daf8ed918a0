"""``runjctl check``: a configuration is read without a daemon."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.program import runjctl


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration with an error in each of two files."""
    (tmp_path / "jails.d").mkdir()
    (tmp_path / "runjd.toml").write_text('[jail.web]\nbundle = "/b"\nrequires = ["dbb"]\n')
    (tmp_path / "jails.d" / "db.toml").write_text('[jail.db]\nbundle = "/b"\nrestrat = "always"\n')
    return tmp_path / "runjd.toml"


def test_all_that_is_wrong_is_a_line_each(config: Path) -> None:
    """File, line, key, and what to do; the exit status is that of a wrong configuration."""
    done = runjctl("check", str(config))

    assert done.returncode == 78
    assert done.stdout.decode().splitlines() == [
        f'{config}:3: jail.web.requires[0]: no jail named "dbb"; did you mean "db"?',
        f'{config.parent}/jails.d/db.toml:3: jail.db.restrat: no such key; did you mean "restart"?',
    ]


def test_a_file_of_jails_is_read_with_the_others(config: Path) -> None:
    """What it says depends on them; each configuration is read once."""
    done = runjctl("check", str(config), str(config.parent / "jails.d" / "db.toml"))

    assert done.returncode == 78
    assert len(done.stdout.splitlines()) == 2


def test_programs_get_records(config: Path) -> None:
    """File, line, key and reason."""
    done = runjctl("check", "--json", str(config))

    assert [(each["line"], each["key"]) for each in json.loads(done.stdout)] == [
        (3, "jail.web.requires[0]"),
        (3, "jail.db.restrat"),
    ]


def test_what_is_right_is_said_to_be(tmp_path: Path) -> None:
    """With the number of jails, so that an empty directory is noticed."""
    (tmp_path / "runjd.toml").write_text('[jail.web]\nbundle = "/b"\n')

    done = runjctl("check", str(tmp_path / "runjd.toml"))

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{tmp_path}/runjd.toml: 1 jail, nothing wrong\n"


def test_a_file_that_is_missing_is_wrong(tmp_path: Path) -> None:
    """It was named."""
    done = runjctl("check", str(tmp_path / "runjd.toml"))

    assert done.returncode == 78
    assert b"cannot be read: No such file or directory" in done.stdout


def test_nothing_in_a_file_talks_to_the_terminal(tmp_path: Path) -> None:
    """Neither a name nor a value nor the file's own name."""
    directory = tmp_path / "\x1b[31m"
    directory.mkdir()
    (directory / "runjd.toml").write_text('[jail."\\u001b[2J"]\nbundle = "\\u001b[2J"\n"\\u001b" = 1')

    done = runjctl("check", str(directory / "runjd.toml"))

    assert b"\x1b" not in done.stdout
    assert done.returncode == 78
