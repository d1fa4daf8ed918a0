"""Metrics of a real daemon, on both kinds of sockets."""

from __future__ import annotations

import os
import socket
import stat
from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.functional.daemon import Daemon, wait_until


def get(family: int, address: object) -> str:
    """Return the body of GET /metrics."""
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(15)
        connection.connect(address)  # type: ignore[arg-type]
        connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        with connection.makefile("rb") as stream:
            head, _, body = stream.read().partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK"), head
    return body.decode()


def values(text: str, name: str) -> dict[str, float]:
    """Return the values of a metric by jail."""
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return {each.labels.get("jail", ""): each.value for each in samples if each.name == name}


def free_port() -> int:
    """Return a port that nobody uses at this moment."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
        assert isinstance(port, int)
        return port


@pytest.fixture(scope="module", params=["unix", "tcp"])
def measured(request: pytest.FixtureRequest) -> Iterator[tuple[Daemon, int, object]]:
    """Return a daemon that offers metrics, and where."""
    daemon = Daemon()
    path, port = os.path.join(daemon.directory, "metrics"), free_port()
    endpoint = f"unix:{path}:mode=640" if request.param == "unix" else f"tcp:{port}"
    daemon.configure(f'[daemon]\nmetrics = "{endpoint}"\n')
    try:
        daemon.start()
        where = (socket.AF_UNIX, path) if request.param == "unix" else (socket.AF_INET, ("127.0.0.1", port))
        yield daemon, *where
    finally:
        daemon.remove()


def test_what_jails_do_is_told(measured: tuple[Daemon, int, object]) -> None:
    """One runs and is looked at, another one has failed; each shows in its own lines."""
    daemon, *where = measured
    daemon.runjctl("run", "-d", "--name", "up", daemon.shell("up", "echo hello; exec sleep 1000"))
    daemon.runjctl("run", "-d", "--name", "down", daemon.shell("down", "exit 3"))
    wait_until(lambda: daemon.status("down")["phase"] == "idle", "the jail does not end")
    with daemon.begin("attach", "up") as looking:
        wait_until(lambda: values(get(*where), "runjd_jail_attach_sessions")["up"] == 1, "nobody looks on")
        looking.kill()
    text = get(*where)

    assert values(text, "runjd_jail_up") == {"up": 1, "down": 0}
    assert values(text, "runjd_jail_exits_total") == {"down": 1}
    assert values(text, "runjd_jail_log_bytes_total") == {"up": 6, "down": 0}
    assert values(text, "runjd_jail_memory_bytes")["up"] > 0
    assert values(text, "runjd_event_loop_lag_seconds_count")[""] >= 0
    asked = daemon.runjctl("metrics").stdout.decode()
    assert asked.startswith("# HELP runjd_jail_wanted")
    assert values(asked, "runjd_jail_up") == {"up": 1, "down": 0}
    daemon.runjctl("delete", "-f", "up", "down")


def test_a_socket_has_the_mode_that_was_asked_for(measured: tuple[Daemon, int, object]) -> None:
    """A port is that of the loopback interface only."""
    _, family, address = measured
    if family == socket.AF_UNIX:
        wait_until(lambda: os.path.exists(str(address)), "it is not made")
        assert stat.S_IMODE(os.stat(str(address)).st_mode) == 0o640
    else:
        assert isinstance(address, tuple)
        with socket.socket() as other, pytest.raises(ConnectionRefusedError):
            other.connect(("127.0.0.2", address[1]))


def test_a_port_that_is_taken_keeps_nobody_out() -> None:
    """The daemon says so, goes on, and takes clients of the control socket."""
    daemon = Daemon()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        daemon.configure(f'[daemon]\nmetrics = "tcp:{port}"\n')
        try:
            daemon.start()
            assert daemon.runjctl("ping").returncode == 0
            assert f"metrics: cannot listen at tcp:{port}:interface=127.0.0.1: " in daemon.words()
            assert "tried again until it works" in daemon.words()
        finally:
            daemon.remove()
