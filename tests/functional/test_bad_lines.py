"""Lines that are none, on the socket of a real daemon (torture rows 15 and 41)."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from tests.functional.daemon import PATIENCE, Daemon

REQUEST = b'\xc3\xa9 \n7 status\r\nlist "x" \\\n8 whoami\n'


@pytest.fixture
def client(daemon: Daemon) -> Iterator[socket.socket]:
    """Return a connection that was greeted."""
    with socket.socket(socket.AF_UNIX) as made:
        made.settimeout(PATIENCE)
        made.connect(daemon.path)
        assert read(made, b"\n").startswith(b"! 0 ev=hello ")
        yield made


def read(client: socket.socket, until: bytes = b"") -> bytes:
    """Return what comes, as far as this, or to the end of the connection."""
    found = b""
    while not until or until not in found:
        data = client.recv(65536)
        if not data:
            break
        found += data
    return found


def answers(daemon: Daemon, pieces: list[bytes]) -> list[bytes]:
    """Return the answers to what is sent in pieces on a connection of its own."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(PATIENCE)
        client.connect(daemon.path)
        read(client, b"\n")
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.0005)
        client.shutdown(socket.SHUT_WR)
        return read(client).splitlines()


def test_a_cut_at_any_byte_changes_nothing(daemon: Daemon) -> None:
    """Whether it comes in one packet, in two, or byte by byte."""
    whole = answers(daemon, [REQUEST])
    assert [line.split()[0] for line in whole] == [b"-", b"+7", b"-", b"+8"]

    assert answers(daemon, [REQUEST[at : at + 1] for at in range(len(REQUEST))]) == whole
    for at in range(1, len(REQUEST)):
        assert answers(daemon, [REQUEST[:at], REQUEST[at:]]) == whole, at


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b'show "web\n', b"- SYNTAX "),
        (b"show \0web\n", b"- SYNTAX "),
        (b"show \x1b[2J\n", b"- SYNTAX "),
        (b"show \xff\n", b"- SYNTAX "),
        (b"9999999999 list\n", b"-? SYNTAX "),
        (b"x" * 8192 + b"\n", b"-? TOOLONG "),
        (b"frobnicate\n", b"- UNKNOWN_VERB "),
    ],
)
def test_a_bad_line_is_answered_and_the_next_one_too(client: socket.socket, line: bytes, answer: bytes) -> None:
    """It is told what is wrong; the connection is as good as before."""
    client.sendall(line)
    assert read(client, b"\n").lstrip(b"-? ")[:4] == answer.lstrip(b"-? ")[:4]

    client.sendall(b"5 ping\n")
    assert read(client, b"\n").startswith(b"+5 at=")


def test_a_carriage_return_alone_is_no_line(client: socket.socket) -> None:
    """It ends none, and a line of them is one that has a control character."""
    client.sendall(b"ping\rping\r")
    client.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(PATIENCE)
    client.sendall(b"\n")
    assert read(client, b"\n").startswith(b"-? SYNTAX ")


def test_three_bad_lines_in_a_row_are_the_end(client: socket.socket) -> None:
    """Whoever sends nonsense is told so, and sent away; others are served."""
    client.sendall(b"\0\n" * 5)

    assert read(client).splitlines()[-1].startswith(b"-? BYE ")


def test_a_line_without_end_takes_no_memory(daemon: Daemon, client: socket.socket) -> None:
    """Megabytes without a line feed are thrown away, with one complaint; the line behind it is read."""
    before = resident(daemon)
    for _ in range(256):
        client.sendall(b"x" * 65536)
    client.sendall(b"\nping\n")

    found = read(client, b"at=").splitlines()
    assert [line.split()[1][:7] for line in found] == [b"TOOLONG", b"at=" + found[1].split()[1][3:7]]
    assert resident(daemon) < before + (8 << 20)


def test_whoever_sends_and_does_not_read_stops_being_read(daemon: Daemon, client: socket.socket) -> None:
    """A hundred thousand requests are not carried out for nobody; others are served meanwhile."""
    client.settimeout(1.0)
    before = resident(daemon)
    sent = 0
    try:
        while sent < 1_000_000:
            client.sendall(b"help\n" * 10)
            sent += 10
    except TimeoutError:
        pass
    assert sent < 500_000
    assert resident(daemon) < before + (16 << 20)

    assert answers(daemon, [b"ping\n"])[0].startswith(b"+ at=")


def resident(daemon: Daemon) -> int:
    """Return how many bytes of memory the daemon has."""
    with open(f"/proc/{daemon.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096
