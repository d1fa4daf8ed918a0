"""What one version wrote another reads: an older record is brought up to date, a newer one is refused unharmed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon

#: changes that make a version which writes records of the next shape
_NEXT_RECORDS = "_VERSION = 2\n_STEPS = {1: lambda document: {**document, 'colour': 'green'}}\n"
_NEXT = {"runjd__supervise__definitions": _NEXT_RECORDS, "runjd__supervise__wishes": _NEXT_RECORDS}


@pytest.fixture
def daemon() -> Iterator[Daemon]:
    """Return runjd as it is installed in version 1.0, running, with a jail that runs."""
    made = Daemon(installed=True)
    try:
        made.start()
        made.runjctl("run", "-d", "--restart", "always", "--name", "web", made.shell("web", "exec sleep 1000"))
        yield made
    finally:
        made.remove()


def _install(daemon: Daemon, version: str, **changes: str) -> None:
    assert daemon.installation is not None
    daemon.installation.install(version, **changes)


def _records(daemon: Daemon) -> dict[str, bytes]:
    """Return what the daemon has written down, by path."""
    found = {}
    for directory in (f"{daemon.state}/jails", f"{daemon.state}/data/jails", f"{daemon.state}/state/web"):
        for name in os.listdir(directory):
            if name.endswith(".json"):
                with open(f"{directory}/{name}", "rb") as file:
                    found[f"{directory}/{name}"] = file.read()
    assert len(found) >= 3
    return found


def test_older_records_are_brought_up_to_date(daemon: Daemon) -> None:
    """An upgrade to a version with another shape goes on with the jail, and writes the new shape from then on."""
    before = daemon.status("web")
    _install(daemon, "2.0", **_NEXT)

    daemon.upgrade()

    assert [daemon.status("web")[key] for key in ("pid", "phase", "want")] == [before["pid"], "running", "up"]
    daemon.runjctl("restart", "web")
    assert b'"version": 2' in _records(daemon)[f"{daemon.state}/jails/web.json"]


def test_going_back_is_refused_where_a_record_is_newer(daemon: Daemon) -> None:
    """The older version says so when it is tried out; nothing is changed, on the disk or in memory."""
    _install(daemon, "2.0", **_NEXT)
    daemon.upgrade()
    daemon.runjctl("restart", "web")
    _install(daemon, "1.0")
    before = _records(daemon)

    done = daemon.upgrade(ok=False)

    assert done.returncode == 75
    assert b"web.json: it is of version 2, written by a newer runjd; this one knows 1" in done.stderr
    assert b"nothing was changed" in done.stderr
    assert _records(daemon) == before
    assert daemon.status("web")["phase"] == "running"


def test_a_daemon_does_not_start_on_newer_records(daemon: Daemon) -> None:
    """It would not know what is wanted, and start jails twice; it says which file, and the jail runs on unharmed."""
    _install(daemon, "2.0", **_NEXT)
    daemon.upgrade()
    daemon.runjctl("restart", "web")
    pid = int(str(daemon.status("web")["pid"]))
    daemon.kill()
    _install(daemon, "1.0")
    before = _records(daemon)

    with pytest.raises(AssertionError, match="(?s)the daemon ended: .*written by a newer runjd; this one knows 1"):
        daemon.start()

    assert _records(daemon) == before
    os.kill(pid, 0)
    _install(daemon, "2.0", **_NEXT)
    daemon.start()
    assert daemon.status("web")["pid"] == pid


def test_check_says_whether_a_daemon_could_start(daemon: Daemon) -> None:
    """Beside one that runs, too, of whose jails and locks it lets its hands, and of what that one is writing."""
    assert daemon.installation is not None
    begun = f"{daemon.state}/jails/other.json.new"
    with open(begun, "w", encoding="ascii"):
        pass
    command = [daemon.installation.twistd, "--nodaemon", "--pidfile=", "runjd", "--state", daemon.state, "--check"]
    command += ["--log", daemon.logs]

    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (done.stdout, done.stderr, done.returncode) == ("runjd 1.0 can start\n", "", 0)
    assert os.path.exists(begun)

    with open(f"{daemon.state}/jails/web.json", "w", encoding="ascii") as file:
        file.write('{"version": 99}')
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    assert (done.stdout, done.returncode) == ("", 75)
    assert "web.json: it is of version 99, written by a newer runjd; this one knows 1" in done.stderr


def test_a_container_of_a_newer_version_is_left_alone(daemon: Daemon) -> None:
    """A keeper that does not understand the record of what runs neither removes nor starts it."""
    pid = int(str(daemon.status("web")["pid"]))
    path = f"{daemon.state}/state/web/state.json"
    with open(path, encoding="utf-8") as file:
        text = file.read()
    newer = text.replace('"version":1', '"version":9').replace('"version": 1', '"version": 9')
    assert newer != text
    with open(path, "w", encoding="utf-8") as file:
        file.write(newer)
    daemon.kill()
    daemon.kill_keeper()

    daemon.start()

    assert daemon.status("web")["phase"] == "unknown"
    os.kill(pid, 0)
    with open(path, encoding="utf-8") as file:
        assert file.read() == newer
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.kill(pid, signal.SIGKILL)
