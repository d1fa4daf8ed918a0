"""LOG rotate and LOG reopen over a real socket."""

from __future__ import annotations

import pytest
import pytest_twisted

from tests.functional.verbs.wire import Server


@pytest.mark.parametrize("deed", ["rotate", "reopen"])
@pytest_twisted.ensureDeferred
async def test_the_files_of_all_logs_or_of_some(server, wire, deed):
    """Without names it is all of them."""
    server.run("web")
    server.run("db")

    assert await wire.say(f"log {deed}") == "+ n=2"
    assert await wire.say(f"5 LOG {deed} db") == "+5 n=1"
    assert (await wire.say(f"log {deed} webb")).startswith("- NOJAIL jail=webb ")


@pytest_twisted.ensureDeferred
async def test_a_jail_that_is_called_like_a_deed(server, wire):
    """Its lines are read where any key is given."""
    server.run("rotate")
    server.jails.output("rotate", b"line\n")

    assert await wire.say("log rotate") == "+ n=1"
    assert (await wire.reply("log rotate lines=all"))[-1].startswith("+ lines=1 ")


@pytest_twisted.ensureDeferred
async def test_lines_are_those_of_one_jail(jails, wire):
    """A second name is a mistake."""
    assert (await wire.say("log web db")).startswith("- BAD_ARG verb=log arg=db ")


@pytest_twisted.ensureDeferred
async def test_an_observer_may_read_and_no_more(private_dir):
    """The lines of a log are shown to those who may not touch its files."""
    server = Server(private_dir, role="observer")
    try:
        server.run("web")
        wire = await server.connect()
        assert (await wire.say("log web")).startswith("+ lines=0 ")
        assert (await wire.say("log rotate")).startswith("- DENIED verb=log-rotate role=observer ")
    finally:
        await server.close()
