"""runjctl debug dump of a real daemon."""

from __future__ import annotations

import os
import stat
import tarfile

from tests.functional.daemon import Daemon, wait_until

SECRET = "hunter2-of-this-test"


def test_an_archive_has_all_and_no_secrets() -> None:
    """Each part has what it is called; what a jail is given and what it writes stands nowhere in it."""
    daemon = Daemon()
    daemon.configure(
        "",
        web=f'[jail.web]\nroot = "/"\ncommand = ["/bin/sh", "-c", "echo {SECRET}; exec sleep 1000", "{SECRET}"]\n'
        f'environment = {{ TOKEN = "{SECRET}" }}\n',
    )
    path = os.path.join(daemon.directory, "dump.tar.gz")
    try:
        daemon.start()
        wait_until(lambda: SECRET.encode() in daemon.runjctl("logs", "web").stdout, "the jail says nothing")
        done = daemon.runjctl("debug", "dump", path)
        with tarfile.open(path) as archive:
            files = {
                os.path.basename(each.name): archive.extractfile(each).read().decode()  # type: ignore[union-attr]
                for each in archive.getmembers()
            }
        again = daemon.runjctl("debug", "dump", path, ok=False)
    finally:
        daemon.remove()

    assert done.stdout.decode() == f"{path}\n"
    assert (again.returncode, b"is there already; name another file" in again.stderr) == (74, True)
    assert set(files) == {
        f"{part}.txt"
        for part in (*("versions", "daemon", "jails", "configuration", "events", "stacks", "descriptors", "runjctl"),)
    }
    assert "jail=web " in files["jails.txt"]
    assert "ev=state from=idle to=starting" in files["events.txt"]
    assert "thread MainThread" in files["stacks.txt"]
    assert "runjd/supervise/dump.py" in files["stacks.txt"]
    assert "environment.TOKEN = ..." in files["configuration.txt"]
    assert "package Twisted " in files["versions.txt"]
    assert [name for name, text in files.items() if SECRET in text] == []


def test_an_archive_is_for_its_owner_only(own_daemon: Daemon) -> None:
    """Whatever the mask is; a daemon that is not there leaves no file."""
    path = os.path.join(own_daemon.directory, "dump.tar.gz")
    before = os.umask(0)
    try:
        own_daemon.runjctl("debug", "dump", path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600

    other = os.path.join(own_daemon.directory, "other.tar.gz")
    own_daemon.kill()
    assert own_daemon.runjctl("debug", "dump", other, ok=False).returncode == 74
    assert not os.path.exists(other)
    own_daemon.start()
