"""A daemon without the packages that not everybody needs: what needs them says so, and all else works."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.access.papers import authority
from tests.functional.daemon import Daemon, wait_until

#: as where they are not installed
MISSING = """
import sys
for name in ("OpenSSL", "cryptography", "service_identity", "prometheus_client"):
    sys.modules[name] = None
"""


@pytest.fixture
def poor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """Return a daemon that is asked for TLS and metrics, and has nothing but the standard library for them."""
    (tmp_path / "sitecustomize.py").write_text(MISSING)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    daemon = Daemon()
    papers = authority(f"{daemon.directory}/tls")
    daemon.configure(
        f'[daemon]\nmetrics = "unix:{daemon.directory}/metrics"\n[daemon.tls]\nlisten = "tcp:0"\n'
        f'certificate = "{papers}/server.crt"\nkey = "{papers}/server.key"\nca = "{papers}/ca.crt"\n'
    )
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.remove()


def test_what_is_missing_is_said_and_all_else_works(poor: Daemon) -> None:
    """To who asks by HTTP, and to runjctl: always what to install; jails run, and TLS needs nothing of it."""
    wait_until(lambda: "speaks TLS" in poor.words(), "nobody speaks TLS")

    done = poor.runjctl("metrics", ok=False)
    assert (done.returncode, b"METRICS needs prometheus_client: install " in done.stderr) == (78, True)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(15)
        connection.connect(os.path.join(poor.directory, "metrics"))
        connection.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        said = b""
        while data := connection.recv(65536):
            said += data
    assert b" 503 " in said.splitlines()[0]
    assert b"METRICS needs prometheus_client" in said

    assert poor.runjctl("run", "--name", "web", poor.shell("web", "exit 3"), ok=False).returncode == 3
    assert poor.runjctl("reload").returncode == 0
