"""The process that speaks TLS: what it may do, and what its end means."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from runjd.access.porter.word import WORD_MAX, format_names, format_reason, parse_word
from runjd.errors import SyntaxFault
from tests.access.papers import authority, client

linux = pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="looks into proc(5) of Linux")
openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def field(pid: int, name: str) -> str:
    """Return a field of a process's status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return re.search(rf"^{name}:[ \t]*(.*?)[ \t]*$", file.read(), re.MULTILINE)[1]


async def until(condition) -> None:
    """Wait until something is true."""
    for _ in range(1000):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise TimeoutError("it did not come true")


class Client:
    """A client that stays."""

    def __init__(self, listener, papers: tuple[str, str]) -> None:
        context = ssl.create_default_context(cafile=f"{listener.directory}/ca.crt")
        context.load_cert_chain(*papers)
        plain = socket.create_connection(listener.address, timeout=10)
        self.connection = context.wrap_socket(plain, server_hostname="localhost")
        self.file = self.connection.makefile("rwb")
        self.greeting = self.file.readline()

    def ask(self, line: bytes) -> bytes:
        """Return the answer to one line."""
        self.file.write(line + b"\n")
        self.file.flush()
        return self.file.readline()

    def close(self) -> None:
        """Go."""
        self.file.close()
        self.connection.close()


@linux
@openssl
@pytest.mark.root
@pytest_twisted.ensureDeferred
async def test_the_porter_has_rights_to_nothing(listener):
    """Another user, no files, no network, no privileges, few system calls; it can start nothing."""
    said, _ = await listener.openssl("-quiet", papers=client(listener.directory, "alice"))
    assert "cert=alice" in said
    pid = listener.porters.pid

    assert field(pid, "Uid").split() == ["65534"] * 4
    assert field(pid, "Gid").split() == ["65534"] * 4
    assert field(pid, "Groups") == ""
    assert int(field(pid, "CapEff"), 16) == int(field(pid, "CapPrm"), 16) == 0
    assert (field(pid, "NoNewPrivs"), field(pid, "Seccomp")) == ("1", "2")
    assert os.listdir(f"/proc/{pid}/root/") == []
    for space in ("net", "mnt", "ipc", "uts"):
        assert os.readlink(f"/proc/{pid}/ns/{space}") != os.readlink(f"/proc/self/ns/{space}")
    opened = [os.readlink(f"/proc/{pid}/fd/{number}") for number in os.listdir(f"/proc/{pid}/fd") if number != "2"]
    assert [each for each in opened if each.startswith("/")] == []
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        assert re.search(r"Max processes +0 +0", limits.read())


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_a_porter_that_dies_is_replaced(listener):
    """Who was with him is cut off, and can come again; nothing else happens."""
    papers = client(listener.directory, "alice")
    first = await deferToThread(Client, listener, papers)
    assert b"cert=alice" in await deferToThread(first.ask, b"whoami")
    pid = listener.porters.pid
    os.kill(pid, signal.SIGKILL)

    assert await deferToThread(first.file.readline) == b""
    first.close()
    await until(lambda: listener.porters.pid not in (0, pid))
    second = await deferToThread(Client, listener, papers)
    assert b"cert=alice" in await deferToThread(second.ask, b"whoami")
    second.close()
    await listener.settle()


@linux
@openssl
@pytest_twisted.ensureDeferred
async def test_who_is_there_stays_when_the_papers_are_exchanged(listener, tmp_path):
    """The porter of before ends when he has gone."""
    first = await deferToThread(Client, listener, client(listener.directory, "alice"))
    pid = listener.porters.pid
    listener.reload(authority(tmp_path / "other"))

    assert b"cert=alice" in await deferToThread(first.ask, b"whoami")
    assert listener.porters.pid != pid
    assert os.path.exists(f"/proc/{pid}")
    first.close()
    await until(lambda: not os.path.exists(f"/proc/{pid}"))
    await listener.settle()


@openssl
@pytest_twisted.ensureDeferred
async def test_all_that_is_sent_arrives_both_ways(listener):
    """More than any buffer holds, by somebody who reads late."""
    first = await deferToThread(Client, listener, client(listener.directory, "alice"))
    count = 3000

    def talk() -> list[bytes]:
        for number in range(count):
            first.file.write(b"%d help status\n" % (number + 1))
            if number % 50 == 49:
                first.file.flush()
                answers.extend(_until_final(first.file, number + 1))
        return answers

    answers: list[bytes] = []
    await deferToThread(talk)

    assert len([each for each in answers if each.startswith(b"+")]) >= count // 50
    first.close()
    await listener.settle()


def _until_final(file, tag: int) -> list[bytes]:
    """Return the lines up to the answer of a tag."""
    found = []
    while True:
        line = file.readline()
        assert line
        found.append(line)
        if line.startswith((b"+%d" % tag, b"-%d" % tag)):
            return found


def test_what_the_porter_says_is_read_strictly():
    """Whoever has taken it over can say names, and nothing else."""
    assert parse_word(format_names(["alice", "web.example.org"])[:-1]) == (("alice", "web.example.org"), "")
    assert parse_word(format_names([])[:-1]) == ((), "")
    assert parse_word(format_reason("so\nit is \x1b[0m")[:-1]) == ((), "so?it is ?[0m")
    assert len(format_names(["x" * 250] * 100)) <= WORD_MAX
    for line in (b"", b"hello", b"+ a  b", b"+ a*", b"+ \xff", b"+ a\x1bb"):
        with pytest.raises(SyntaxFault):
            parse_word(line)


def test_the_porter_is_of_few_modules():
    """Of the standard library, and little of that and of ours: what is not there is not to be trusted, nor held."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    code = f"import sys; sys.path.insert(0, {root!r}); import runjd.access.porter.main; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)

    loaded = done.stdout.split()
    assert {"typing", "datetime", "subprocess", "asyncio", "threading", "tomllib"} & set(loaded) == set()
    assert {each.split(".")[1] for each in loaded if each.startswith("runjd.")} == {
        *("access", "errors", "keeper", "kernel", "values")
    }
    assert len(loaded) < 120
