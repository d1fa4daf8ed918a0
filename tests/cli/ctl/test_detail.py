"""One jail in detail."""

from __future__ import annotations

import pytest

from runjd.cli.ctl.detail import details, ending

RUNNING = {
    "jail": "web",
    "want": "up",
    "phase": "running",
    "ready": "yes",
    "health": "unhealthy",
    "pid": "2210",
    "jid": "4",
    "up": "86411.2",
    "started": "2026-11-22T15:01:20.114Z",
    "restarts": "2",
    "restart": "always",
    "signal": "9",
    "oom": "yes",
    "last": "2026-11-22T15:01:19.000Z",
    "enabled": "yes",
    "bundle": "/srv/web",
    "runtime": "linux",
}
STATS = {"jail": "web", "cpu": "1.25", "mem": "4096", "procs": "1", "read": "0", "written": "2048", "log": "10240"}


def lines(fields: dict[str, str], stats: dict[str, str]) -> dict[str, str]:
    """Return what is shown."""
    return {name: cell.text for name, cell in details(fields, stats) if cell.text}


def test_a_jail_that_runs() -> None:
    """How it is, since when, what it uses, and how it ended before."""
    assert lines(RUNNING, STATS) == {
        "jail": "web",
        "state": "running, ready, unhealthy",
        "wanted": "up, comes up at boots",
        "up": "1d00h, since 2026-11-22T15:01:20.114Z",
        "process": "2210, jail 4",
        "uses": "4.0K of memory, 1 process, 1.25s of processor time, 0 read and 2.0K written",
        "restarts": "2, by the rule always",
        "last exit": "SIGKILL, memory ran out, at 2026-11-22T15:01:19.000Z",
        "log": "10K since the daemon started",
        "bundle": "/srv/web",
        "runtime": "linux",
    }


def test_a_jail_that_is_held_off() -> None:
    """When it is tried again, and why it is down; no uses."""
    fields = {"jail": "db", "phase": "backoff", "next_in": "7.5", "reason": "it failed", "exit": "3", "last": "then"}

    found = lines(fields, {"jail": "db", "log": "0"})

    assert found["state"] == "backoff"
    assert found["next try"] == "in 7s"
    assert found["reason"] == "it failed"
    assert found["last exit"] == "status 3, at then"
    assert "uses" not in found


def test_a_paused_jail_says_so() -> None:
    """Beside its phase."""
    assert lines(RUNNING, STATS | {"paused": "yes"})["state"] == "running, paused, ready, unhealthy"


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"signal": "11", "core": "yes"}, "SIGSEGV core"),
        ({"signal": "9", "oom": "yes"}, "SIGKILL oom"),
        ({"signal": "9", "oom": "no"}, "SIGKILL"),
        ({"exit": "0"}, "0"),
        ({"exit": "-"}, ""),
        ({}, ""),
    ],
)
def test_an_end_in_a_word_or_two(fields: dict[str, str], text: str) -> None:
    """The status or the signal, and what is known of why."""
    assert ending(fields) == text
