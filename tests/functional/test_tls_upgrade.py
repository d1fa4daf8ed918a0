"""What an upgrade in place, and the end of a daemon, are to the process that speaks TLS and to those who came by it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import ssl
from collections.abc import Iterator

import pytest

from tests.access.papers import authority, client
from tests.functional.daemon import Daemon, wait_until

pytestmark = [
    pytest.mark.linux,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed"),
]


class Host:
    """A daemon that can be replaced, which listens for TLS."""

    def __init__(self) -> None:
        self.daemon = Daemon(installed=True)
        self.papers = authority(f"{self.daemon.directory}/tls", "127.0.0.1")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        where = self.papers
        self.daemon.configure(
            f'[daemon.tls]\nlisten = "tcp:{self.port}:interface=127.0.0.1"\ncertificate = "{where}/server.crt"\n'
            f'key = "{where}/server.key"\nca = "{where}/ca.crt"\n'
            '[[access]]\nwho = "certificate:alice"\nrole = "operator"\n'
        )
        self.daemon.start()
        self.papers_of_alice = client(self.papers, "alice")

    def connect(self) -> ssl.SSLSocket:
        """Come as alice."""
        context = ssl.create_default_context(cafile=f"{self.papers}/ca.crt")
        context.load_cert_chain(*self.papers_of_alice)
        plain = socket.create_connection(("127.0.0.1", self.port), 10)
        return context.wrap_socket(plain, server_hostname="127.0.0.1")

    def porters(self) -> dict[int, str]:
        """Return the states of the processes that speak TLS, and of zombies, which are children of the daemon."""
        found = {}
        with open(f"/proc/{self.daemon.pid}/task/{self.daemon.pid}/children", encoding="ascii") as file:
            children = file.read().split()
        for pid in children:
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii") as file:
                    state = file.read().rpartition(")")[2].split()[0]
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read()
            except OSError:
                continue
            if b"runjd.access.porter" in words or state == "Z":
                found[int(pid)] = state
        return found


@pytest.fixture
def host() -> Iterator[Host]:
    """Return a daemon in version 1.0."""
    made = Host()
    try:
        yield made
    finally:
        made.daemon.remove()


def test_who_came_by_tls_is_told_of_an_upgrade(host: Host) -> None:
    """He reads why he has to leave, can come again, and no process of before is left, not even as a zombie."""
    with host.connect() as connection, connection.makefile("rwb") as file:
        assert b"ev=hello" in file.readline()
        before = host.porters()
        assert len(before) == 1
        assert host.daemon.installation is not None
        host.daemon.installation.install("2.0")
        host.daemon.upgrade()

        assert b"another version of the daemon takes its place; connect again" in file.readline()
        assert file.readline() == b""

        def is_greeted() -> bool:
            try:
                with host.connect() as again, again.makefile("rb") as other:
                    return b"server=runjd/2.0" in other.readline()
            except OSError:
                return False

        wait_until(is_greeted, "nobody is greeted by TLS")
        after = host.porters()
        assert len(after) == 1
        assert not set(before) & set(after)
        assert not [pid for pid in before if os.path.exists(f"/proc/{pid}")]


def test_a_porter_that_does_not_end_does_not_outlast_its_daemon(host: Host) -> None:
    """It is killed, and leaves no zombie to the next version, which does not know of it."""
    wait_until(lambda: len(host.porters()) == 1, "there is no porter")
    (pid,) = host.porters()
    os.kill(pid, signal.SIGSTOP)
    assert host.daemon.installation is not None
    host.daemon.installation.install("2.0")
    try:
        host.daemon.upgrade()
        wait_until(lambda: bool(set(host.porters()) - {pid}), "there is no other porter")
        assert set(host.porters()) - {pid} == set(host.porters())
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
