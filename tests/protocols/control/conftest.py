"""A server of the control protocol on a real Unix socket, in front of jails that are only talked about."""

from __future__ import annotations

import pytest_twisted

from tests.functional.verbs.wire import Server


@pytest_twisted.async_yield_fixture
async def server(private_dir):
    """Return a server that is closed after the test; one jail, named web, runs."""
    made = Server(private_dir)
    made.run("web")
    yield made
    await made.close()


@pytest_twisted.async_fixture
async def wire(server):
    """Return a connection to the server."""
    return await server.connect()
