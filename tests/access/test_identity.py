"""Tests for :mod:`runjd.access.identity`."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from runjd.access.identity import identify, parse_ucred, parse_xucred
from runjd.errors import Denied
from runjd.policy.principal import Principal


def xucred(version: int = 0, uid: int = 1001, groups: tuple[int, ...] = (100, 5), pid: int = 4711) -> bytes:
    """Return a struct xucred as FreeBSD on a 64-bit machine lays it out."""
    raw = struct.pack("@IIhxx16I", version, uid, len(groups), *groups, *[0] * (16 - len(groups)))
    return raw + b"\0" * 4 + struct.pack("@ixxxx", pid)


class Connection:
    """What the transport of a connection is asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def getHandle(self) -> socket.socket:
        return self._connection


GROUPS = tuple(dict.fromkeys((os.getgid(), *os.getgroups())))


def test_the_other_end_of_a_pair_is_this_process():
    """The kernel names the process that made the connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert identify(Connection(ours)) == Principal(os.getuid(), os.getgid(), os.getpid(), GROUPS)


def test_what_is_no_unix_socket_has_no_identity():
    """Without the kernel's word nobody gets in."""
    with socket.socket(socket.AF_INET) as connection, pytest.raises(Denied):
        identify(Connection(connection))


def test_linux():
    """A struct ucred has pid, uid and gid; the uid is not signed."""
    assert parse_ucred(struct.pack("iII", 12, 1001, 100), (5,)) == Principal(1001, 100, 12, (100, 5))
    assert parse_ucred(struct.pack("iII", 12, 2**32 - 2, 100), ()).uid == 2**32 - 2


def test_freebsd():
    """A struct xucred has uid, the effective group first of all groups, and the pid."""
    assert parse_xucred(xucred()) == Principal(1001, 100, 4711, (100, 5))


@pytest.mark.parametrize("raw", [b"", xucred()[:-1], xucred(version=1), xucred(groups=())])
def test_freebsd_of_another_version(raw):
    """What is laid out in another way is refused."""
    with pytest.raises(Denied):
        parse_xucred(raw)
