"""What doctor looks at beside the host."""

from __future__ import annotations

import json
import os
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runjd.cli.ctl.own_checks import check_leftovers, check_own, check_socket
from runjd.runtime.findings import BAD, GOOD, LACKING
from tests.access.papers import authority


def levels(tmp_path: Path, text: str) -> dict[str, tuple[str, str]]:
    """Return what is found of a configuration: level and text by the first word of the subject."""
    config = tmp_path / "runjd.toml"
    config.write_text(text)
    return {each.subject.split()[0]: (each.level, each.text) for each in check_own(str(tmp_path), str(config))}


def test_a_daemon_that_was_killed_leaves_its_socket(tmp_path: Path) -> None:
    """It is told from one where a daemon listens, and from none."""
    path = str(tmp_path / "control")
    assert check_socket(path).text == "is not there: no daemon runs"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        assert (check_socket(path).level, check_socket(path).text) == (GOOD, "a daemon listens")
    assert (check_socket(path).level, check_socket(path).text) == (LACKING, "nobody listens: a daemon was killed")


def test_what_was_left_over_is_named(tmp_path: Path) -> None:
    """A container that was begun and never recorded; a directory that is not there has none, and is not made."""
    root = tmp_path / "state"
    assert check_leftovers(str(root)).level == GOOD
    assert not root.exists()
    for number in range(7):
        (root / f"web{number}").mkdir(mode=0o700, parents=True)
    root.chmod(0o700)

    found = check_leftovers(str(root))

    assert found.level == LACKING
    assert found.text == "web0, web1, web2, web3, web4 and 2 more: left over, and nothing of them runs"


def test_a_configuration_is_read(tmp_path: Path) -> None:
    """Its first fault is told, and who tells the others; none at all is as good as one without faults."""
    assert levels(tmp_path, "[daemon]\nparallel = 0\n")["configuration"][0] == BAD
    assert levels(tmp_path, "[daemon]\nparallel = 1\n")["configuration"] == (GOOD, "0 jails, nothing wrong")
    (tmp_path / "runjd.toml").unlink()
    found = list(check_own(str(tmp_path), str(tmp_path / "runjd.toml")))
    assert [each.level for each in found if each.subject.startswith("configuration")] == [GOOD]


@pytest.mark.parametrize(
    ("days", "level", "text"),
    [(100, GOOD, "is good for 100 days"), (3, LACKING, "expires in 3 days"), (-3, BAD, "has expired")],
)
def test_a_certificate_that_ends_is_told(tmp_path: Path, days: int, level: str, text: str) -> None:
    """While there is time to exchange it, and afterwards."""
    at = datetime.now(UTC) + timedelta(days=min(days, 0) - 1)
    directory = authority(tmp_path / "tls", days=max(days, 0) + 1, at=at)
    files = "\n".join(f'{key} = "{directory}/{name}"' for key, name in FILES)

    found = levels(tmp_path, f'[daemon.tls]\nlisten = "tcp:7443"\n{files}\n')

    assert found["certificate"] == (level, text)
    assert found["authority"][0] == GOOD


FILES = (("certificate", "server.crt"), ("key", "server.key"), ("ca", "ca.crt"))


def test_files_of_tls_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """As the daemon would."""
    directory = authority(tmp_path / "tls")
    os.chmod(f"{directory}/server.key", 0o644)
    files = "\n".join(f'{key} = "{directory}/{name}"' for key, name in FILES)

    level, text = levels(tmp_path, f'[daemon.tls]\nlisten = "tcp:7443"\n{files}\n')["certificate"]

    assert level == BAD
    assert "has mode 0644" in text


def test_findings_are_json(tmp_path: Path) -> None:
    """Each is a value that can be written."""
    found = list(check_own(str(tmp_path), str(tmp_path / "runjd.toml")))

    assert json.loads(json.dumps([each._asdict() for each in found]))
