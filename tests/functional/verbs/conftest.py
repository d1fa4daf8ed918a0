"""A server of the control protocol on a real Unix socket, in front of jails that are only talked about."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.functional.verbs.wire import Server


@pytest_twisted.async_yield_fixture
async def server(private_dir):
    """Return a server that is closed after the test."""
    made = Server(private_dir)
    yield made
    await made.close()


@pytest_twisted.async_fixture
async def wire(server):
    """Return a connection to the server."""
    return await server.connect()


@pytest.fixture
def jails(server):
    """Return the jails behind the server; one, named web, runs."""
    server.run("web")
    return server.jails
