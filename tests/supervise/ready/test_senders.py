"""Who sent a datagram."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from runjd.supervise.ready.senders import is_from, receive

pytestmark = pytest.mark.linux


@pytest.fixture
def pair():
    """Return a socket that is told who sends, and one that sends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    ours.setblocking(False)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_the_sender_is_told_with_the_datagram(pair):
    """And the descriptor stays open for the next one."""
    ours, theirs = pair
    for _ in range(2):
        theirs.send(b"READY=1")
        assert receive(ours.fileno(), 100) == (b"READY=1", os.getpid())
    with pytest.raises(BlockingIOError):
        receive(ours.fileno(), 100)


def test_descriptors_are_closed(pair):
    """However many a jail sends along."""
    ours, theirs = pair
    before = len(os.listdir("/proc/self/fd"))
    socket.send_fds(theirs, [b"READY=1"], [0, 1, 2, 0, 1, 2])
    assert receive(ours.fileno(), 100)[0] == b"READY=1"
    assert len(os.listdir("/proc/self/fd")) == before


def test_without_isolation_the_session_tells_who_belongs_to_whom():
    """A process of another session is a stranger; one that is gone, or unknown, is believed."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    try:
        assert is_from(child.pid, child.pid)
        assert not is_from(os.getpid(), child.pid)
        assert not is_from(child.pid, os.getpid()) or os.getsid(child.pid) == os.getpid()
    finally:
        child.communicate(b"\n")
    assert is_from(0, os.getpid())
    assert is_from(child.pid, os.getpid())


@pytest.mark.root
def test_a_namespace_tells_who_belongs_to_whom():
    """A process of the host is no process of a jail, whatever session it is in."""
    unshared = ["unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", "input()"]
    with subprocess.Popen(unshared, stdin=subprocess.PIPE) as child:
        try:
            init = _child_of(child.pid)
            assert is_from(init, init)
            assert not is_from(os.getpid(), init)
            assert not is_from(init, os.getpid())
        finally:
            child.communicate(b"\n")


def _child_of(pid: int) -> int:
    while True:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            found = file.read().split()
        if found:
            return int(found[0])
