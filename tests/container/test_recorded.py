"""The record of a container, for who only looks."""

from __future__ import annotations

from runjd.container.recorded import finder
from tests.container.jails import Jails


def test_what_runs_is_found_with_its_process(jails: Jails) -> None:
    """As a runtime wants it; nothing for a container that is not there, or whose record cannot be read."""
    state = jails.create("live", ["sleep", "60"], start=True)
    find = finder(jails.state_dir)

    held = find("live")

    assert held is not None
    assert (held.id, held.pid, held.start_time) == ("live", state.pid, state.start_time)
    assert find("none") is None
    with open(f"{jails.state_dir}/live/state.json", "r+", encoding="utf-8") as file:
        record = file.read()
        file.seek(0)
        file.truncate()
        assert find("live") is None
        file.write(record)
