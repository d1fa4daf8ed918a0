"""runjctl from another network namespace, by TLS, with a real daemon; and what it does to the Unix socket: nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runjd.access.lobby import PLACES_OF_ADDRESS
from tests.access.papers import authority, client, expired_client
from tests.cli.program import PATIENCE, command
from tests.functional.daemon import Daemon, wait_until

pytestmark = [
    pytest.mark.root,
    pytest.mark.linux,
    pytest.mark.skipif(shutil.which("ip") is None, reason="ip (Debian: iproute2) is missing"),
]

NAMESPACE = f"runjd-test-{os.getpid()}"
#: of the benchmarking network of RFC 2544, which nobody routes; others that run these tests have other wires
_WIRE = f"198.18.{os.getpid() // 64 % 256}.{os.getpid() % 64 * 4}".rpartition(".")
HERE, THERE = (f"{_WIRE[0]}.{int(_WIRE[2]) + number}" for number in (1, 2))
RULES = """
[[access]]
who = "certificate:alice"
role = "operator"
jails = ["web*"]

[[access]]
who = "certificate:root@example.org"
role = "admin"
"""


def ip(*words: str) -> None:
    """Change the network."""
    subprocess.run(["ip", *words], check=True)


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """Have another network namespace, with a wire to ours."""
    ip("netns", "add", NAMESPACE)
    try:
        name = f"rt{os.getpid()}"
        ip("link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", NAMESPACE)
        ip("address", "add", f"{HERE}/30", "dev", f"{name}a")
        ip("link", "set", f"{name}a", "up")
        ip("-n", NAMESPACE, "address", "add", f"{THERE}/30", "dev", f"{name}b")
        ip("-n", NAMESPACE, "link", "set", f"{name}b", "up")
        ip("-n", NAMESPACE, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "delete", NAMESPACE)


class Far:
    """A daemon that listens to the other namespace, and runjctl in that."""

    def __init__(self) -> None:
        self.daemon = Daemon()
        self.papers = authority(f"{self.daemon.directory}/tls", HERE)
        with socket.socket() as free:
            free.bind((HERE, 0))
            self.port = free.getsockname()[1]
        self.host = f"tls:{HERE}:{self.port}"
        self.daemon.configure(self.text())
        self.daemon.start()

    def text(self, papers: str = "") -> str:
        """Return a configuration."""
        where = papers or self.papers
        return (
            f'[daemon.tls]\nlisten = "tcp:{self.port}:interface={HERE}"\ncertificate = "{where}/server.crt"\n'
            f'key = "{where}/server.key"\nca = "{where}/ca.crt"\n{RULES}'
        )

    def options(self, who: tuple[str, str], papers: str = "") -> list[str]:
        """Return the options of a client."""
        return ["--host", self.host, "--cert", who[0], "--key", who[1], "--ca", f"{papers or self.papers}/ca.crt"]

    def runjctl(self, *words: str, environment: dict[str, str] | None = None, **keywords: Any) -> tuple[int, str, str]:
        """Run runjctl in the other namespace: status, output and complaints."""
        given = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", **(environment or {})}
        line = ["ip", "netns", "exec", NAMESPACE, *command(*words)]
        done = subprocess.run(line, env=given, capture_output=True, timeout=PATIENCE, check=False, **keywords)
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture(scope="module")
def far(network: None) -> Iterator[Far]:
    """Return a daemon with a listener for TLS."""
    made = Far()
    try:
        yield made
    finally:
        made.daemon.remove()


@pytest.fixture(scope="module")
def alice(far: Far) -> tuple[str, str]:
    """Return the certificate and key of an operator of some jails."""
    return client(far.papers, "alice")


def test_a_client_may_do_what_rules_allow_its_name(far: Far, alice: tuple[str, str]) -> None:
    """Her jails, and no others; the audit says who it was and from where."""
    far.daemon.configure(
        far.text(),
        web=f'[jail.web]\nroot = "/"\ncommand = ["{shutil.which("sleep")}", "1000"]\n'
        f'[jail.db]\nroot = "/"\ncommand = ["{shutil.which("sleep")}", "1000"]\n',
    )
    far.daemon.runjctl("reload")
    options = far.options(alice)

    status, said, complaint = far.runjctl(*options, "whoami", "--json")
    assert (status, complaint) == (0, "")
    assert json.loads(said) == {"cert": "alice", "from": THERE, "role": "operator"}
    assert far.runjctl(*options, "restart", "web")[0] == 0
    assert [each["jail"] for each in json.loads(far.runjctl(*options, "status", "--json")[1])] == ["web"]
    status, _, complaint = far.runjctl(*options, "restart", "db")
    assert status == 77, complaint
    assert far.runjctl(*options, "shutdown", "--keep")[0] == 77

    with open(f"{far.daemon.logs}/audit/audit.log", encoding="utf-8") as file:
        audit = file.read()
    assert re.search(rf"who=cert:alice from={THERE} verb=restart jail=web result=ok", audit)
    assert re.search(rf"who=cert:alice from={THERE} verb=restart jail=db result=DENIED", audit)


def test_an_admin_has_to_be_named(far: Far) -> None:
    """Then runs programs, and their input ends where ours does, without a half-close."""
    options = far.options(client(far.papers, "root@example.org"))
    bundle = far.daemon.shell("far", "cat; echo over")

    status, said, complaint = far.runjctl(
        *options, "run", "-i", "--rm", "--name", "far", bundle, input=b"hello\n" * 5000
    )
    assert (status, said) == (0, "hello\n" * 5000 + "over\n"), complaint

    far.daemon.runjctl("run", "-d", "--name", "box", far.daemon.bundle("box", ["/bin/sleep", "1000"]))
    status, said, complaint = far.runjctl(
        *options, "exec", "-i", "box", "--", "sh", "-c", "wc -c; exit 3", input=b"x" * 300_000
    )
    assert (status, said.split(), complaint) == (3, ["300000"], "")
    assert far.runjctl(*options, "raw", "ping")[0] == 0


def test_what_is_usual_need_not_be_said(far: Far, alice: tuple[str, str]) -> None:
    """The host by a variable, the papers in a directory of the home."""
    home = f"{far.daemon.directory}/home"
    os.makedirs(f"{home}/.config/runjd", exist_ok=True)
    for name, path in (("client.crt", alice[0]), ("client.key", alice[1]), ("ca.crt", f"{far.papers}/ca.crt")):
        shutil.copy(path, f"{home}/.config/runjd/{name}")

    status, said, complaint = far.runjctl("ping", environment={"HOME": home, "RUNJD_HOST": far.host})

    assert (status, complaint) == (0, "")
    assert "answers in" in said


@pytest.mark.parametrize(
    ("make", "reason", "told"),
    [
        (lambda papers: client(papers, "mallory"), "no rule of the configuration allows cert:mallory", "cert:mallory"),
        (lambda papers: expired_client(papers, "late"), "has expired", "its certificate has expired"),
        (lambda papers: client(authority(f"{papers}/other"), "alice"), "not of its authority", "of another authority"),
    ],
    ids=["no rule", "expired", "another authority"],
)
def test_who_is_turned_away_knows_why(far: Far, make: Any, reason: str, told: str) -> None:
    """So does whoever reads the audit of the daemon."""
    status, _, complaint = far.runjctl(*far.options(make(far.papers)), "ping")

    assert status == 77
    assert reason in complaint
    with open(f"{far.daemon.logs}/audit/audit.log", encoding="utf-8") as file:
        assert re.search(rf"from={THERE} .*{told}|{told}.* from={THERE}", file.read())


def test_the_unix_socket_does_not_suffer(far: Far, alice: tuple[str, str]) -> None:
    """All places of an address are taken by who says nothing; other addresses, and the socket, go on."""
    silent = []
    try:
        for _ in range(PLACES_OF_ADDRESS + 8):
            silent.append(socket.create_connection((HERE, far.port), PATIENCE))

        assert far.daemon.runjctl("ping").returncode == 0
        assert far.runjctl(*far.options(alice), "ping")[0] == 0
    finally:
        for each in silent:
            each.close()


def test_certificates_are_exchanged_without_a_restart(far: Far, alice: tuple[str, str]) -> None:
    """By RELOAD and by SIGHUP; files that cannot be used change nothing, and the reload says which."""
    other = authority(f"{far.daemon.directory}/other", HERE)
    bob = client(other, "alice")
    far.daemon.configure(far.text(other))
    far.daemon.send_signal(signal.SIGHUP)
    wait_until(lambda: far.runjctl(*far.options(bob, other), "ping")[0] == 0, "the new authority does not hold")
    status, _, complaint = far.runjctl(*far.options(alice, other), "ping")
    assert (status, "not of its authority" in complaint) == (77, True)

    os.chmod(f"{far.papers}/server.key", 0o644)
    far.daemon.configure(far.text())
    done = far.daemon.runjctl("reload", ok=False)
    assert done.returncode == 78
    assert b"daemon.tls.key" in done.stderr + done.stdout
    assert far.runjctl(*far.options(bob, other), "ping")[0] == 0

    os.chmod(f"{far.papers}/server.key", 0o600)
    far.daemon.runjctl("reload")
    assert far.runjctl(*far.options(alice), "ping")[0] == 0


def test_a_porter_that_hangs_is_replaced(far: Far, alice: tuple[str, str]) -> None:
    """The socket does not notice; who comes by TLS later is served by another one, and the log tells why."""
    wait_until(lambda: "speaks TLS" in far.daemon.words(), "nobody speaks TLS")
    with open(f"/proc/{far.daemon.pid}/task/{far.daemon.pid}/children", encoding="ascii") as file:
        children = file.read().split()
    is_porter = "runjd.access.porter.main"
    (pid,) = [each for each in children if is_porter in Path(f"/proc/{each}/cmdline").read_text(encoding="utf-8")]
    os.kill(int(pid), signal.SIGSTOP)

    assert far.daemon.runjctl("ping").returncode == 0
    wait_until(lambda: not os.path.exists(f"/proc/{pid}"), "it is not killed", 30.0)
    assert far.daemon.runjctl("ping").returncode == 0
    wait_until(lambda: far.runjctl(*far.options(alice), "ping")[0] == 0, "nobody is served by another one", 30.0)
    assert f", {pid}, has given no sign of life for 9 s, and is killed" in far.daemon.words()
