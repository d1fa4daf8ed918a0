"""``runjctl pause`` and ``resume`` on jails in namespaces, over the death of the daemon."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.isolated import Isolated

pytestmark = pytest.mark.root
TICK = ["/bin/sh", "-c", "while :; do echo tick; sleep 0.02; done"]


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    """Return a daemon whose jails are in namespaces."""
    made = Isolated()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def size(daemon: Isolated) -> int:
    """Return how much the jail web has written."""
    return len(daemon.runjctl("logs", "web", "--lines", "all").stdout)


def assert_stands_still(daemon: Isolated) -> None:
    before = size(daemon)
    time.sleep(0.3)
    assert size(daemon) == before


def test_a_jail_stands_still_until_it_is_resumed(isolated: Isolated) -> None:
    """The status table says so; the daemon's death and the next daemon change nothing; then it goes on."""
    isolated.runjctl("run", "-d", isolated.bundle("web", TICK))
    wait_until(lambda: size(isolated) > 0, "it does nothing")

    isolated.runjctl("pause", "web")
    wait_until(lambda: (size(isolated), time.sleep(0.1))[0] == size(isolated), "it goes on")
    assert_stands_still(isolated)
    assert b"web   paused " in isolated.runjctl("status").stdout
    assert b"paused" in isolated.runjctl("exec", "web", "/bin/true", ok=False).stderr

    isolated.kill()
    isolated.start()
    assert isolated.status("web")["status"] == "paused"
    assert_stands_still(isolated)

    isolated.runjctl("resume", "web")
    before = size(isolated)
    wait_until(lambda: size(isolated) > before, "it stands still")
    assert isolated.status("web")["status"] == "running"


def test_a_paused_jail_is_stopped_by_its_signal(isolated: Isolated) -> None:
    """It goes on, ends by SIGTERM as it would have, and starts as one that is not paused."""
    script = "trap 'echo bye; exit 7' TERM; while :; do sleep 0.02; done"
    isolated.runjctl("run", "-d", isolated.bundle("web", ["/bin/sh", "-c", script]))
    time.sleep(0.2)  # until the trap is set
    isolated.runjctl("pause", "web")

    isolated.runjctl("stop", "web")

    assert isolated.status("web")["exit"] == 7
    assert isolated.runjctl("logs", "web").stdout == b"bye\n"
    isolated.runjctl("start", "web")
    assert isolated.status("web")["status"] == "running"


def test_a_runtime_that_cannot_says_so() -> None:
    """Nothing is claimed that did not happen."""
    plain = Daemon()
    try:
        plain.start()
        plain.runjctl("run", "-d", plain.shell("web", "exec sleep 1000"))

        failed = plain.runjctl("pause", "web", ok=False)

        assert failed.returncode != 0
        assert b"plain" in failed.stderr
        assert plain.status("web")["status"] == "running"
    finally:
        plain.remove()
