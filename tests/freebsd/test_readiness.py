"""How a jail of this system tells that it is ready, and is asked how it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until

STAY = "trap 'exit 0' TERM; while :; do sleep 0.05; done"


@pytest.fixture
def daemon(containers) -> Iterator[Daemon]:
    """Return a daemon that is not started yet, and see that it leaves nothing."""
    made = Daemon(containers.runtime)
    try:
        yield made
    finally:
        made.remove()


def start(daemon: Daemon, containers, script: str, rules: str) -> None:
    """Start the daemon with one jail, web, that runs a script and is kept by these rules."""
    bundle = containers.bundle(containers.config(script))
    daemon.configure("", web=f'[jail.web]\nbundle = "{bundle}"\n{rules}\n')
    daemon.start()


def test_a_newline_on_a_descriptor_is_heard_by_the_next_daemon(daemon, containers) -> None:
    """It is told while no daemon is there, and waits."""
    start(daemon, containers, f"sleep 1; echo >&4; {STAY}", 'ready = { when = "fd", fd = 4 }')
    wait_until(lambda: daemon.status("web")["phase"] == "running", "it does not run")
    assert daemon.status("web")["ready"] == "no"
    daemon.kill()
    daemon.start()

    wait_until(lambda: daemon.status("web")["ready"] == "yes", "it is not ready")


def test_the_socket_is_there_and_its_time_runs_out(daemon, containers) -> None:
    """The jail sees it by the name that it is told; it says nothing, so its start has failed."""
    script = f"test -S $NOTIFY_SOCKET && echo there; echo x 2>/dev/null >${{NOTIFY_SOCKET%/*}}/new || echo kept; {STAY}"
    start(daemon, containers, script, 'ready = { when = "notify", timeout = 2 }\nrestart = "never"')

    wait_until(lambda: daemon.status("web")["phase"] == "failed", "it is not given up")

    assert daemon.status("web")["reason"] == "it was not ready within 2 s"
    assert daemon.runjctl("logs", "web").stdout.split() == [b"there", b"kept"]


def test_a_program_in_the_jail_tells_how_it_is(daemon, containers) -> None:
    """Its exit status is the answer, what it wrote the reason."""
    probe = '{ exec = ["/bin/sh", "-c", "echo not at all well; exit 3"] }'
    start(daemon, containers, STAY, f'health = {{ probe = {probe}, interval = "200ms", failures = 2 }}')

    wait_until(lambda: daemon.status("web").get("health") == "unhealthy", "it is not unhealthy")

    assert daemon.status("web")["reason"] == "exit 3: not at all well"
