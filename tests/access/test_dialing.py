"""The way of runjctl to a daemon behind TLS, on real sockets."""

import os
import socket

import pytest
import pytest_twisted
from twisted.internet.threads import deferToThread

from runjd.access.dialing import Papers, dial
from runjd.errors import Denied, InputOutput
from tests.access.papers import LONG_AGO, authority, client, expired_client


def papers_of(listener, name="alice", make=client, ca=None):
    """Return the papers of a client."""
    return Papers(*make(listener.directory, name), f"{ca or listener.directory}/ca.crt")


def say(address, papers, *lines, host=None):
    """Say something to a daemon, and return all that it says."""
    way = dial(host or address[0], address[1], papers)
    with way.socket as plain:
        plain.settimeout(15)
        plain.sendall(b"".join(line + b"\n" for line in lines))
        found = b""
        while data := plain.recv(65536):
            found += data
        return found.decode(), way.trouble()


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_what_is_said_gets_there_and_back(listener, host):
    """By name and by address; nothing is wrong with an end that was asked for."""
    papers = papers_of(listener)
    said, trouble = await deferToThread(say, listener.address, papers, b"whoami", b"quit", host=host)

    assert said.splitlines()[1:] == ["+ cert=alice from=127.0.0.1 role=operator", "+"]
    assert trouble is None


@pytest_twisted.ensureDeferred
async def test_much_is_carried_both_ways(listener):
    """Thousands of requests at once, whose answers are read late."""
    papers = papers_of(listener)
    said, _ = await deferToThread(say, listener.address, papers, *[b"help", b"ping"] * 2000, b"quit")

    assert said.count("\n+ pong") + said.count("\n+\n") + said.count("\n+ ") >= 4000
    assert len(said) > 1 << 20


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (expired_client, "does not let us in: our certificate .*alice.crt has expired"),
        (lambda directory, name: client(authority(f"{directory}/other"), name), "is not of its authority"),
        (lambda directory, _: (f"{directory}/server.crt", f"{directory}/server.key"), "is not that of a client"),
    ],
)
async def test_a_certificate_that_is_refused_is_explained(listener, make, reason):
    """What the daemon's alert means for ours, and what to do."""
    with pytest.raises(Denied, match=f"{reason}.*; get another one"):
        await deferToThread(say, listener.address, papers_of(listener, make=make), b"quit")


@pytest_twisted.ensureDeferred
async def test_another_authority_is_not_trusted(listener, tmp_path):
    """Whoever answers there: nothing is said to him."""
    papers = papers_of(listener, ca=authority(tmp_path / "other"))

    with pytest.raises(Denied, match=r"is not of the authority of .*/other/ca.crt"):
        await deferToThread(say, listener.address, papers, b"quit")
    assert listener.hall.members == 0


@pytest_twisted.ensureDeferred
async def test_a_certificate_has_to_be_for_the_name_that_we_were_told(listener, tmp_path):
    """The authority alone is not enough; the names that it has are told."""
    other = authority(tmp_path / "other", "jails.example.org")
    papers = Papers(*client(other, "alice"), f"{other}/ca.crt")
    listener.reload(other)

    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(Denied, match=f"is for jails.example.org, not for {host}; use a name that it has"):
            await deferToThread(say, listener.address, papers, b"quit", host=host)


@pytest_twisted.ensureDeferred
async def test_a_daemon_whose_certificate_has_expired_is_not_trusted(listener, tmp_path):
    """It is said that it is the daemon's."""
    other = authority(tmp_path / "other", at=LONG_AGO)
    listener.reload(other)
    papers = Papers(*client(other, "alice"), f"{other}/ca.crt")

    with pytest.raises(Denied, match="has expired|is not of the authority"):
        await deferToThread(say, listener.address, papers, b"quit")


def test_papers_that_are_missing_are_named(tmp_path):
    """Each by its option; before anybody is connected to."""
    directory = authority(tmp_path / "tls")
    good = Papers(*client(directory, "alice"), f"{directory}/ca.crt")
    for field, what in (("certificate", "--cert"), ("key", "--key"), ("ca", "--ca")):
        with pytest.raises(InputOutput, match=f"no such file or directory; name it by {what}"):
            dial("127.0.0.1", 1, good._replace(**{field: "/nonexistent"}))
        (tmp_path / "nonsense").write_text("nonsense")
        with pytest.raises(InputOutput, match="in PEM"):
            dial("127.0.0.1", 1, good._replace(**{field: str(tmp_path / "nonsense")}))
    os.unlink(tmp_path / "nonsense")


def test_nobody_there_is_explained(tmp_path):
    """A port where nobody listens, one where somebody speaks no TLS, and a host that is not known."""
    directory = authority(tmp_path / "tls")
    papers = Papers(*client(directory, "alice"), f"{directory}/ca.crt")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(InputOutput, match=f"no daemon at 127.0.0.1:{port}: connection refused"):
        dial("127.0.0.1", port, papers)
    with pytest.raises(InputOutput, match="no host named nobody.invalid is known"):
        dial("nobody.invalid", 1, papers)
