"""The process that speaks TLS, as this system confines it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runjd.access.judging import judge
from runjd.access.ownprogram import own_program
from runjd.access.papers import Papers, Refused
from runjd.access.porter.word import ALIVE, ASK, DESK, READY

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")

_NOBODY = 65_534


def _certificate(directory: Path, name: str, use: str) -> None:
    """Make a certificate that is its own authority."""
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words += ["-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.crt", "-subj", f"/CN={name}"]
    words += ["-addext", f"subjectAltName=DNS:{name}", "-addext", f"extendedKeyUsage={use}"]
    subprocess.run(["openssl", *words], check=True, capture_output=True)


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Papers]:
    """Return papers of a daemon that lets alice in, and the directory of hers."""
    directory = tmp_path_factory.mktemp("tls")
    _certificate(directory, "localhost", "serverAuth")
    _certificate(directory, "alice", "clientAuth")
    names = ("localhost.crt", "localhost.key", "alice.crt")
    return directory, Papers(*((directory / name).read_bytes() for name in names))


class Porter:
    """A porter that was told its papers."""

    def __init__(self, papers: Papers, root: str) -> None:
        self.desk, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = own_program("runjd.access.porter.main")
        # the descriptor has to be this one
        code = f"import os, sys; os.dup2({theirs.fileno()}, {DESK}); os.execv(sys.argv[1], sys.argv[1:])"
        starting = [words[0], "-I", "-S", "-c", code, *words]
        with theirs:
            self._process = subprocess.Popen(
                starting, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(theirs.fileno(), DESK)
            )
        told = {"uid": _NOBODY, "gid": _NOBODY, "root": root, "descriptors": 64, "papers": papers.to_json()}
        self.say(json.dumps(told).encode("ascii") + b"\n")
        self.kept: list[str] = []
        while (line := self.hear()) != READY:
            assert line, "it ended"
            self.kept.append(line)

    def say(self, data: bytes) -> None:
        """Write to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def hear(self) -> str:
        """Return a line of its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().decode().removesuffix("\n")

    def give(self) -> tuple[socket.socket, socket.socket]:
        """Give it a connection; return the end of who came, and that of the daemon."""
        visitor, outside = socket.socketpair()
        daemon, way = socket.socketpair()
        with outside, way:
            socket.send_fds(self.desk, [b"c"], [outside.fileno(), way.fileno()])
        for each in (visitor, daemon):
            each.settimeout(20)
        return visitor, daemon

    def end(self) -> int:
        """Give it nobody any more; return how it ended."""
        self.desk.close()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        return self._process.wait(20)


@pytest.fixture
def porter(papers: tuple[Path, Papers], tmp_path: Path) -> Iterator[Porter]:
    """Return a porter."""
    made = Porter(papers[1], str(tmp_path))
    yield made
    assert made.end() == 0


def test_who_shows_a_certificate_is_named_to_the_daemon(papers: tuple[Path, Papers], porter: Porter) -> None:
    """And bytes go both ways; the end of the daemon is a good-bye."""
    directory = papers[0]
    context = ssl.create_default_context(cafile=f"{directory}/localhost.crt")
    context.load_cert_chain(f"{directory}/alice.crt", f"{directory}/alice.key")
    visitor, daemon = porter.give()
    with context.wrap_socket(visitor, server_hostname="localhost") as secret, daemon:
        assert daemon.recv(100) == b"+ alice\n"
        secret.sendall(b"status\n")
        assert daemon.recv(100) == b"status\n"
        daemon.sendall(b"+ n=0\n")
        daemon.close()
        assert secret.recv(100) == b"+ n=0\n"
        assert secret.recv(100) == b""


def test_others_are_turned_away(porter: Porter) -> None:
    """With a reason, which the daemon hears."""
    visitor, daemon = porter.give()
    with visitor, daemon:
        visitor.sendall(b"status\n" * 10)
        said = b"".join(iter(lambda: daemon.recv(100), b""))
    assert said == b"- what it speaks is no TLS\n"


def test_a_handshake_that_the_daemon_gives_up_ends(porter: Porter) -> None:
    """Though who came says nothing."""
    visitor, daemon = porter.give()
    daemon.close()
    with visitor:
        assert visitor.recv(1) == b""


def test_it_says_that_it_is_alive(porter: Porter) -> None:
    """As often as it is asked."""
    porter.say(ASK)
    assert porter.hear() == ALIVE
    porter.say(ASK + ASK)
    assert [porter.hear(), porter.hear()] == [ALIVE, ALIVE]


@pytest.mark.root
def test_it_keeps_no_right(porter: Porter) -> None:
    """Where root starts it."""
    if os.geteuid():
        pytest.skip("needs root")
    assert porter.kept == []


def test_papers_that_cannot_be_used_are_told(papers: tuple[Path, Papers]) -> None:
    """By a process that lives for that."""
    judge(papers[1])
    with pytest.raises(Refused, match="key"):
        judge(papers[1]._replace(key=b"nonsense"))
