"""METRICS over a real socket."""

from __future__ import annotations

import pytest_twisted

from runjd.errors import Unsupported


@pytest_twisted.ensureDeferred
async def test_the_text_comes_as_lines(server, wire):
    """Each as a line of text, and how many there are."""
    assert await wire.reply("metrics") == ["| F # HELP runjd_up Up.", "| F runjd_up 1.0", "+ lines=2"]


@pytest_twisted.ensureDeferred
async def test_without_the_package_it_is_said_what_to_install(server, wire):
    """The failure is UNSUPPORTED."""
    server.diagnosis.text = Unsupported("", "metrics need prometheus_client; install it")

    assert await wire.reply("metrics") == ['- UNSUPPORTED msg="metrics need prometheus_client; install it"']
