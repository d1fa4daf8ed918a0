"""Tests for :mod:`runjd.kernel.passrights`."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from runjd.kernel.passrights import refuse_descriptors


def test_who_sends_a_descriptor_is_refused(private_dir):
    """On each connection that a socket accepts, also before it is accepted; bytes get through."""
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as client:
        listener.bind(str(Path(private_dir) / "s"))
        listener.listen()
        if not refuse_descriptors(listener):
            pytest.skip("this kernel cannot refuse descriptors; Linux can since 6.16")
        client.connect(str(Path(private_dir) / "s"))

        with pytest.raises(PermissionError):
            socket.send_fds(client, [b"x"], [0])
        server, _ = listener.accept()
        with server:
            with pytest.raises(PermissionError):
                socket.send_fds(client, [b"x"], [0])
            client.sendall(b"y")
            assert socket.recv_fds(server, 10, 4)[:2] == (b"y", [])


def test_what_is_no_unix_socket_cannot_be_asked():
    """An error of the system is told."""
    with open(os.devnull, "rb") as file, pytest.raises(OSError, match="not a socket|operation"):
        refuse_descriptors(socket.socket(fileno=os.dup(file.fileno())))
