"""A jail of the configuration that has no bundle, in namespaces, with a real daemon."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.functional.daemon import wait_until
from tests.functional.isolated import Isolated

pytestmark = pytest.mark.root

SCRIPT = (
    "trap 'exit 0' TERM; echo $WHO; cat /data/file; touch /root-file || echo read-only; touch /tmp/x && echo tmp; "
    "sleep 1000 & wait"
)


@pytest.fixture
def daemon() -> Iterator[Isolated]:
    """Return a daemon that is not started yet."""
    made = Isolated()
    try:
        yield made
    finally:
        made.remove()


def test_all_of_it_is_applied(daemon: Isolated) -> None:
    """Root, mounts, environment, user, host name, network and limits; and what changes does with the next start."""
    data = os.path.join(daemon.directory, "data")
    os.mkdir(data)
    with open(os.path.join(data, "file"), "w", encoding="utf-8") as file:
        file.write("data\n")
    os.makedirs(os.path.join(daemon.root, "tmp"), exist_ok=True)
    os.makedirs(os.path.join(daemon.root, "data"), exist_ok=True)
    table = f"""
[jail.web]
root = "{daemon.root}"
command = ["/bin/sh", "-c", "{SCRIPT}"]
environment = {{ WHO = "web", PATH = "/bin" }}
user = "0:12"
hostname = "www"
read-only = true
mounts = ["{data}:/data:ro", "tmpfs:/tmp"]
limits = {{ files = 77 }}
"""
    daemon.configure("", web=table)
    daemon.start()

    wait_until(lambda: b"tmp\n" in daemon.runjctl("logs", "web").stdout, "no log")
    assert daemon.runjctl("logs", "--stream", "out", "web").stdout == b"web\ndata\nread-only\ntmp\n"
    asked = daemon.runjctl("exec", "web", "--", "sh", "-c", "hostname; id -g; ulimit -n; ls /sys/class/net")
    assert asked.stdout.split() == [b"www", b"12", b"77", b"lo"]

    daemon.configure("", web=table.replace("files = 77", "files = 78"))
    daemon.runjctl("reload")
    assert daemon.runjctl("exec", "web", "--", "sh", "-c", "ulimit -n").stdout == b"77\n"
    daemon.runjctl("restart", "web")
    assert daemon.runjctl("exec", "web", "--", "sh", "-c", "ulimit -n").stdout == b"78\n"

    daemon.configure("", web=table.replace("files = 77", "files = 79"))
    daemon.runjctl("reload", "--restart")
    assert daemon.runjctl("exec", "web", "--", "sh", "-c", "ulimit -n").stdout == b"79\n"


def test_a_bundle_is_overridden(daemon: Isolated) -> None:
    """Variables and limits of the table are those of the jail, whatever the bundle says now."""
    script = "trap 'exit 0' TERM; echo $WHO $TWO; ulimit -n; sleep 1000 & wait"
    bundle = daemon.bundle("db", ["/bin/sh", "-c", script], env=["PATH=/bin", "WHO=bundle", "TWO=2"])
    daemon.configure("", db=f'[jail.db]\nbundle = "{bundle}"\nenvironment.WHO = "table"\nlimits.files = 78\n')
    daemon.start()
    wait_until(lambda: daemon.runjctl("logs", "db").stdout == b"table 2\n78\n", "no log")

    daemon.runjctl("stop", "db")
    os.rename(bundle, f"{bundle}.old")
    done = daemon.runjctl("start", "db", ok=False)
    assert (done.returncode, b"there is no such bundle" in done.stderr) == (78, True)
    os.rename(f"{bundle}.old", bundle)
    daemon.runjctl("start", "db")
    wait_until(lambda: daemon.runjctl("logs", "db").stdout == 2 * b"table 2\n78\n", "no log")
