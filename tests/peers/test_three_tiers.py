"""A database, an application and a web server, in jails: up in order, well after each is killed, down in order."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.functional.daemon import wait_until
from tests.peers.site import NEEDED, Site

pytestmark = pytest.mark.root


@pytest.fixture
def site() -> Iterator[Site]:
    """Return the site with its daemon, and nothing started."""
    missing = [program for program in NEEDED if not os.access(program, os.X_OK)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (as root, make test installs them)")
    made = Site()
    try:
        made.start()
        yield made
    finally:
        made.remove()


def test_the_site_lives(site: Site) -> None:
    """One start brings up all; each part that is killed comes back alone; one stop takes down what leans on it."""
    planned = json.loads(site.runjctl("plan", "--json", "web").stdout)
    assert [(each["step"], each["jail"]) for each in planned] == [(1, "db"), (2, "app"), (3, "web")]

    site.runjctl("start", "--wait", "ready", "--timeout", "9", "web")

    assert site.visit() == 1
    assert {state["ready"] for state in site.states().values()} == {"yes"}
    wait_until(lambda: {state.get("health") for state in site.states().values()} == {"healthy"}, "not healthy")

    visits = 1
    for jail in ("web", "app", "db"):
        before = {name: state["pid"] for name, state in site.states().items()}
        site.runjctl("kill", "-s", "KILL", jail)
        wait_until(lambda jail=jail: site.states()[jail]["restarts"] == 1, f"no restart of {jail}")
        site.runjctl("wait", "--until", "ready", "--timeout", "9", jail)
        wait_until(lambda before=visits: site.visit() > before, f"no visit after the death of {jail}: {site.states()}")
        visits = site.visit()
        after = {name: state["pid"] for name, state in site.states().items()}
        assert {name for name in after if after[name] != before[name]} == {jail}

    site.runjctl("stop", "db")
    states = site.states()
    assert [states[jail]["phase"] for jail in ("web", "app", "db")] == ["waiting", "waiting", "idle"]
    assert states["app"]["reason"] == "waiting for db (stopped)"
    ends = [str(states[jail]["last"]) for jail in ("web", "app", "db")]
    assert ends == sorted(ends)
    assert site.visit() == 0

    site.runjctl("start", "db")
    site.runjctl("wait", "--until", "ready", "--timeout", "9", "web")
    assert site.visit() > visits
