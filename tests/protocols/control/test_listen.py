"""Tests for :mod:`runjd.protocols.control.listen`."""

from __future__ import annotations

import os
import resource
import socket
import stat

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.protocol import Factory

from runjd.errors import InputOutput
from runjd.kernel.passrights import refuse_descriptors
from runjd.protocols.control.listen import listen_unix
from tests.functional.verbs.wire import Server


@pytest_twisted.ensureDeferred
async def test_the_socket_is_ours_alone(server):
    """Its mode is 0600 whatever the umask."""
    assert stat.S_IMODE(os.stat(server.path).st_mode) == 0o600


@pytest_twisted.ensureDeferred
async def test_a_socket_that_was_left_is_replaced(private_dir):
    """A daemon that was killed does not stop the next one."""
    left = socket.socket(socket.AF_UNIX)
    left.bind(f"{private_dir}/control")
    left.close()

    server = Server(private_dir)

    assert (await server.connect()).greeting.startswith("! 0 ")
    await server.close()
    assert not os.path.exists(server.path)


@pytest.mark.parametrize("kind", ["file", "symlink", "directory"])
def test_what_is_no_socket_is_left_alone(private_dir, kind):
    """Something else at the socket's place is an error that names it, and is not removed."""
    path = f"{private_dir}/control"
    if kind == "file":
        open(path, "w").close()
    elif kind == "symlink":
        os.symlink("/nonexistent", path)
    else:
        os.mkdir(path)

    with pytest.raises(InputOutput, match="is in the way of the control socket"):
        listen_unix(path, Factory(), reactor)
    assert os.path.lexists(path)


@pytest.mark.parametrize("path", ["/nonexistent/control", "/tmp/" + "x" * 200])
def test_where_no_socket_can_be(path):
    """A missing directory and a path that is too long are errors that name the path."""
    with pytest.raises(InputOutput, match=path):
        listen_unix(path, Factory(), reactor)


@pytest_twisted.ensureDeferred
async def test_without_descriptors_clients_wait(server):
    """With the table of descriptors full the port pauses, and accepts when there is room again."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(4)
    try:
        client.connect(server.path)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_lowest_free(), limits[1]))
        await server.until(lambda: server.port.is_paused)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert server.factory.hall.members == 0
    await server.until(lambda: server.factory.hall.members == 1)

    with client:
        assert client.recv(4) == b"! 0 "


def _lowest_free() -> int:
    """Return the number that the next descriptor would get."""
    fd = os.open(os.devnull, os.O_RDONLY)
    os.close(fd)
    return fd


@pytest_twisted.ensureDeferred
async def test_descriptors_are_refused(server):
    """Whoever sends one gets EPERM where the kernel can refuse it, and is as welcome as before."""
    if not refuse_descriptors(server.port.socket):
        pytest.skip("this kernel cannot refuse descriptors; Linux can since 6.16")
    wire = await server.connect()

    with pytest.raises(PermissionError):
        socket.send_fds(wire.transport.socket, [b"ping\n"], [0])
    assert (await wire.say("ping")).startswith("+ at=")


@pytest_twisted.ensureDeferred
async def test_whoever_gets_a_descriptor_through_is_sent_away(server):
    """Where the kernel cannot refuse them they are closed, and so is the connection."""
    if refuse_descriptors(server.port.socket):
        server.port.socket.setsockopt(socket.SOL_SOCKET, 83, 1)  # as if it could not
    wire = await server.connect()
    before = len(os.listdir("/proc/self/fd"))

    with open(os.devnull, "rb") as file:
        socket.send_fds(wire.transport.socket, [b"ping\n"], [file.fileno()] * 20)

    assert await wire.end() == b""
    await server.until(lambda: not server.factory.hall.members)
    assert len(os.listdir("/proc/self/fd")) <= before
