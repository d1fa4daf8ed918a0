"""``runjctl doctor``."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.program import runjctl


def test_people_see_a_table_and_what_to_do(tmp_path: Path) -> None:
    """One line for each thing; advice on standard error."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    done = runjctl("doctor", "--state", str(tmp_path / "open"), "--log", str(tmp_path / "log"))

    assert done.returncode == 1
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["LOOKED", "AT", "IS", "FOUND"]
    assert any("has mode 0777" in line and " bad " in line for line in lines)
    assert f"runjctl: directory {tmp_path}/open: chmod go-w" in done.stderr.decode()


def test_programs_get_the_findings(tmp_path: Path) -> None:
    """Subject, level, text and advice of each."""
    done = runjctl("doctor", "--json", "--state", str(tmp_path / "state"), "--log", str(tmp_path / "log"))

    found = json.loads(done.stdout)
    assert {key for each in found for key in each} == {"subject", "level", "text", "advice"}
    assert done.returncode == (1 if "bad" in {each["level"] for each in found} else 0)
