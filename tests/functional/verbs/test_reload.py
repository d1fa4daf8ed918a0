"""RELOAD over a real socket."""

from __future__ import annotations

import pytest_twisted

from runjd.config.difference import Change, Difference
from runjd.config.faults import ConfigError, Fault
from runjd.errors import InputOutput

FOUND = Difference(
    ("new",),
    ("old",),
    (Change("web", "stop.timeout", "10", "20 s", "now"), Change("", "parallel", "8", "4", "now")),
    17,
)


@pytest_twisted.ensureDeferred
async def test_a_reload_tells_what_changed(server, wire):
    """A record for each, and the numbers; who asked is known."""
    server.configuration.found = FOUND

    assert await wire.reply("reload") == [
        "* jail=new change=added",
        "* jail=old change=removed",
        '* jail=web change=changed key=stop.timeout from=10 to="20 s" takes=now',
        "* change=changed key=parallel from=8 to=4 takes=now",
        "+ added=1 removed=1 changed=1 unchanged=17 applied=yes",
    ]
    assert [by.partition(":")[0] for by in server.configuration.reloads] == ["uid"]


@pytest_twisted.ensureDeferred
async def test_a_dry_run_only_tells(server, wire):
    """Nothing is reloaded."""
    server.configuration.found = FOUND

    assert (await wire.reply("3 reload dry-run=yes"))[-1] == "+3 added=1 removed=1 changed=1 unchanged=17 applied=no"
    assert server.configuration.reloads == []


@pytest_twisted.ensureDeferred
async def test_all_that_is_wrong_is_told(server, wire):
    """A line of text for each fault, whatever is in it, then the failure."""
    server.configuration.found = ConfigError(
        [Fault("/e/a.toml", 3, ("jail", "x\x1b"), "is wrong"), Fault("/e", 0, (), "is gone")]
    )

    assert await wire.reply("reload") == [
        '| F /e/a.toml:3: jail."x\\\\u001b": is wrong',
        "| F /e: is gone",
        '- CONFIG file=/e/a.toml faults=2 msg="/e/a.toml:3: jail.\\"x\\\\u001b\\": is wrong (and 1 more)"',
    ]


@pytest_twisted.ensureDeferred
async def test_thousands_of_faults_do_not_fill_the_memory(server, wire):
    """The first thousand are shown, and how many there are."""
    server.configuration.found = ConfigError([Fault("/e", n, (), "is wrong") for n in range(1, 5001)])

    lines = await wire.reply("reload")

    assert (len(lines), lines[-2]) == (1001, "| F /e:1000: is wrong")
    assert lines[-1].startswith("- CONFIG file=/e faults=5000 ")


@pytest_twisted.ensureDeferred
async def test_another_failure_is_told(server, wire):
    """As of every verb."""
    server.configuration.found = InputOutput("the disk is gone")

    assert await wire.reply("reload") == ['- IO msg="the disk is gone"']
