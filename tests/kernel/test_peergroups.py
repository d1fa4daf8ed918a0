"""Tests for :mod:`runjd.kernel.peergroups`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from runjd.kernel.peergroups import peer_groups
from tests.cli.program import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="FreeBSD tells groups with the rest (LOCAL_PEERCRED)")


def test_our_own():
    """Those that this process has."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert sorted(peer_groups(ours.fileno())) == sorted(os.getgroups())


@pytest.mark.root
@pytest.mark.parametrize("count", [0, 1, 64, 65, 300, 2000])
def test_however_many_there_are(count):
    """All of them are told."""
    script = f"import os, socket, sys; sys.path.insert(0, {ROOT!r}); from runjd.kernel.peergroups import peer_groups; "
    script += f"os.setgroups(range(5000, 5000 + {count})); ours, theirs = socket.socketpair(); "
    script += f"sys.exit(sorted(peer_groups(ours.fileno())) != list(range(5000, 5000 + {count})))"

    subprocess.run([sys.executable, "-I", "-c", script], check=True, timeout=20)


def test_what_is_no_unix_socket():
    """The error of the system is told."""
    with socket.socket(socket.AF_INET) as connection, pytest.raises(OSError, match="SO_PEERGROUPS"):
        peer_groups(connection.fileno())
