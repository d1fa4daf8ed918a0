"""What makes a daemon small: what it does not load before somebody asks for it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.daemon import Daemon, wait_until

#: tells what is loaded, when it is asked to
WATCHED = """
import os, signal, sys
def tell(signum, frame):
    with open("{path}.new", "w") as file:
        file.write(" ".join(name for name, module in sys.modules.items() if module is not None))
    os.rename("{path}.new", "{path}")
signal.signal(signal.SIGUSR2, tell)
"""
#: packages, and modules, each with all below: what TLS, metrics and containerd take
OTHERS = {
    "OpenSSL", "_cffi_backend", "cryptography", "google", "prometheus_client", "service_identity", "twisted.conch.ssh",
    "twisted.internet.endpoints", "twisted.internet.stdio", "twisted.protocols.tls", "twisted.web.http",
    "twisted.web.server",
}  # fmt: skip
#: of ours: for tasks, for outlets, for who asks to be shown something, for TLS
LATE = {
    "runjd.access.arrivals", "runjd.access.lobby", "runjd.access.porters", "runjd.cli", "runjd.containerd.posting",
    "runjd.containerd.proto", "runjd.containerd.side", "runjd.containerd.tasks", "runjd.kernel.freebsd",
    "runjd.kernel.recorder", "runjd.kernel.seccomp", "runjd.logs.formats.syslog", "runjd.protocols.outlets.datagram",
    "runjd.protocols.outlets.program", "runjd.protocols.outlets.tcp", "runjd.protocols.ttrpc.client",
    "runjd.runtime.linux.runtime", "runjd.runtime.plain", "runjd.spec.parse", "runjd.web.families",
    "runjd.web.listener",
}  # fmt: skip
#: modules and packages of ours; who adds one asks whether each daemon needs it from its start, 25 KB each
MOST = 310


@pytest.fixture
def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    """Return a daemon without jails that tells what it has loaded, into the file ``loaded`` of its directory."""
    daemon = Daemon()
    (tmp_path / "sitecustomize.py").write_text(WATCHED.format(path=f"{daemon.directory}/loaded"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.remove()


def loaded(daemon: Daemon) -> set[str]:
    """Return the modules that a daemon has loaded."""
    path = f"{daemon.directory}/loaded"
    daemon.send_signal(signal.SIGUSR2)
    wait_until(lambda: os.path.exists(path), "it does not tell what it has loaded")
    with open(path, encoding="utf-8") as file:
        return set(file.read().split())


@pytest.mark.skipif(sys.platform != "linux", reason="there is another runtime, with modules of its own")
def test_a_daemon_without_jails_loads_what_each_daemon_needs(watched: Daemon) -> None:
    """Nothing of TLS, metrics, containerd and syslog, which most do without; and nobody makes jails but the keeper."""
    watched.runjctl("status")
    found = loaded(watched)

    assert {name for name in found for each in OTHERS | LATE if name == each or name.startswith(f"{each}.")} == set()
    ours = {name for name in found if name.partition(".")[0] == "runjd"}
    assert len(ours) <= MOST
