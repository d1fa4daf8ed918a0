"""Order, readiness and health, with a real daemon, a real keeper, and jails in namespaces."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.functional.daemon import Daemon, wait_until
from tests.functional.isolated import Isolated

#: a program of the plain runtime that sends a datagram to NOTIFY_SOCKET once a file is there
NOTIFIER = """
import os, socket, time
while not os.path.exists({go!r}):
    time.sleep(0.01)
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"STATUS=up and well\\nREADY=1", os.environ["NOTIFY_SOCKET"])
time.sleep(1000)
"""


@pytest.fixture
def plain() -> Iterator[Daemon]:
    """Return a daemon that is not started yet."""
    made = Daemon()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def isolated() -> Iterator[Isolated]:
    """Return a daemon whose jails are isolated, not started yet."""
    made = Isolated()
    try:
        yield made
    finally:
        made.remove()


def shell(script: str, **keys: str) -> str:
    """Return the keys of a jail of the host's root that runs a script."""
    lines = ['root = "/"', f"command = {json.dumps(['/bin/sh', '-c', script])}"]
    lines += ['environment = { PATH = "/usr/local/bin:/usr/bin:/bin" }']
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in keys.items())]) + "\n"


def phase(daemon: Daemon, jail: str) -> object:
    """Return the phase of a jail."""
    return daemon.status(jail)["phase"]


def touch(path: str) -> None:
    """Make a file."""
    with open(path, "w", encoding="utf-8"):
        pass


def test_a_site_comes_up_in_order_and_goes_down_in_order(plain: Daemon) -> None:
    """By a newline on a descriptor, a line of the log and a probe; plan tells it before, stop reverses it."""
    go = os.path.join(plain.directory, "go")
    wait = f"while ! test -e {go}; do sleep 0.01; done"
    plain.configure(
        "",
        db="[jail.db]\n" + shell(f"{wait}; echo >&5; exec sleep 1000", ready='{ when = "fd", fd = 5 }'),
        app="[jail.app]\n"
        + shell(
            "echo starting; sleep 0.1; echo 'listening on 8080'; exec sleep 1000",
            ready="{ when = 'log', pattern = 'listening on [0-9]+$' }",
            requires='["db"]',
        ),
        web="[jail.web]\n"
        + shell(
            f"sleep 0.1; touch {go}.web; exec sleep 1000",
            ready=f'{{ when = "probe", probe = {{ exec = ["/usr/bin/test", "-e", "{go}.web"] }}, interval = "100ms" }}',
            requires='["app"]',
        ),
    )
    plain.start()
    wait_until(lambda: plain.status("web").get("reason") == "waiting for app (waiting)", "web does not wait")
    assert plain.status("app")["reason"] == "waiting for db (not ready)"
    assert plain.status("db")["ready"] == "no"
    planned = json.loads(plain.runjctl("plan", "--json").stdout)
    assert [(each["jail"], each["does"], each.get("step")) for each in planned] == [
        ("db", "keep", None),
        ("app", "start", 1),
        ("web", "start", 2),
    ]

    touch(go)
    plain.runjctl("wait", "--until", "ready", "--timeout", "10", "web")
    for jail in ("db", "app", "web"):
        assert plain.status(jail)["ready"] == "yes"

    plain.runjctl("stop", "--timeout", "1", "db")
    assert [phase(plain, jail) for jail in ("db", "app", "web")] == ["idle", "waiting", "waiting"]
    assert plain.status("app")["reason"] == "waiting for db (stopped)"
    os.unlink(f"{go}.web")
    plain.runjctl("start", "db")
    plain.runjctl("wait", "--until", "ready", "--timeout", "10", "web")


def test_a_notice_is_heard_across_daemons_that_are_killed(plain: Daemon) -> None:
    """What is told while no daemon is there waits; who was ready is ready to the next daemon, too."""
    go = os.path.join(plain.directory, "go")
    program = os.path.join(plain.directory, "notifier.py")
    with open(program, "w", encoding="utf-8") as file:
        file.write(NOTIFIER.format(go=go))
    plain.configure("", web="[jail.web]\n" + shell(f"exec python3 {program}", ready='"notify"'))
    plain.start()
    wait_until(lambda: phase(plain, "web") == "running", "web does not run")
    assert plain.status("web")["ready"] == "no"

    plain.kill()
    touch(go)
    plain.start()

    wait_until(lambda: plain.status("web")["ready"] == "yes", "web is not ready")
    assert plain.status("web")["says"] == "up and well"
    plain.kill()
    plain.start()
    assert plain.status("web")["ready"] == "yes"


@pytest.mark.root
def test_a_jail_in_namespaces_is_asked_inside(isolated: Isolated) -> None:
    """A newline on a descriptor, then a program in the jail; unhealthy, it is restarted, and says why."""
    table = f"""
[jail.web]
root = "{isolated.root}"
command = ["/bin/sh", "-c", "rm -f /tmp/sick; echo >&3; trap 'exit 0' TERM; sleep 1000 & wait"]
environment = {{ PATH = "/bin" }}
ready = "fd"
backoff = {{ first = "100ms" }}
[jail.web.health]
probe = {{ exec = ["/bin/sh", "-c", "test ! -e /tmp/sick"] }}
interval = "100ms"
failures = 2
action = "restart"
"""
    os.symlink("busybox", f"{isolated.root}/bin/rm")
    os.symlink("busybox", f"{isolated.root}/bin/test")
    isolated.configure("", web=table)
    isolated.start()
    wait_until(lambda: isolated.status("web").get("health") == "healthy", "web is not healthy")
    before = isolated.status("web")["pid"]

    touch(f"{isolated.root}/tmp/sick")

    wait_until(lambda: isolated.status("web").get("pid") not in (before, None), "web was not restarted")
    wait_until(lambda: isolated.status("web").get("health") == "healthy", "web is not healthy again")
    assert isolated.status("web")["restarts"] == 1


@pytest.mark.root
def test_a_jail_in_namespaces_sends_its_notice(isolated: Isolated) -> None:
    """The socket is where NOTIFY_SOCKET says, in a root that knows nothing of it."""
    table = f"""
[jail.web]
root = "{isolated.root}"
command = ["/bin/sh", "-c", "ls $NOTIFY_SOCKET; trap 'exit 0' TERM; sleep 1000 & wait"]
environment = {{ PATH = "/bin" }}
read-only = true
ready = {{ when = "notify", timeout = 1 }}
restart = "never"
"""
    isolated.configure("", web=table)
    isolated.start()
    wait_until(lambda: phase(isolated, "web") == "failed", "web is not given up")
    assert isolated.status("web")["reason"] == "it was not ready within 1 s"
    assert isolated.runjctl("logs", "web").stdout == b"/run/runjd/notify\n"
