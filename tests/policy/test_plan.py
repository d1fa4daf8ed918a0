"""What would happen if jails were started."""

import time

from runjd.policy.plan import plan, pulled
from runjd.policy.waiting import Standing

DOWN = Standing("down", "idle")
SITE = {
    "web": DOWN._replace(requires=("app",)),
    "app": DOWN._replace(requires=("db",), after=("cache",)),
    "db": DOWN,
    "cache": Standing("up", "starting"),
    "mail": DOWN,
}


def told(jails, asked=None):
    """Return the plan in short."""
    return [(each.jail, each.does, each.step, [w.jail for w in each.waits_for]) for each in plan(jails, asked)]


def test_a_start_brings_along_what_it_requires_in_order():
    """Near and far, each step behind what it waits for; what only comes before it is not started for it."""
    assert told(SITE, ["web"]) == [
        ("db", "start", 1, []),
        ("app", "start", 2, ["db", "cache"]),
        ("web", "start", 3, ["app"]),
    ]
    assert pulled(SITE, ["web"]) == ("app", "db")


def test_what_is_up_is_kept():
    """A jail that runs is no step, and who waits for it waits only while it is not ready."""
    jails = {**SITE, "db": Standing("up", "running", is_ready=True), "cache": DOWN}
    assert told(jails, ["web"]) == [
        ("db", "keep", 0, []),
        ("app", "start", 1, []),
        ("web", "start", 2, ["app"]),
    ]
    assert pulled(jails, ["web"]) == ("app",)


def test_without_a_name_it_is_what_a_boot_would_do():
    """All that are wanted; what somebody wants down stays down, and who requires it waits, with the reason."""
    jails = {name: each._replace(want="up") for name, each in SITE.items()} | {"db": DOWN}
    assert told(jails) == [
        ("cache", "keep", 0, []),
        ("mail", "start", 1, []),
        ("app", "wait", 0, ["db"]),
        ("web", "wait", 0, ["app"]),
    ]
    assert plan(jails)[2].waits_for[0].why == "stopped"


def test_a_start_tries_again_what_failed_but_hurries_nobody():
    """By hand, what is required and failed is started again; what waits for its next try goes on waiting."""
    jails = {
        "db": Standing("up", "failed"),
        "cache": Standing("up", "backoff"),
        "web": DOWN._replace(requires=("db", "cache")),
    }
    assert pulled(jails, ["web"]) == ("db",)
    assert told(jails, ["web"]) == [
        ("cache", "start", 1, []),
        ("db", "start", 1, []),
        ("web", "start", 2, ["db", "cache"]),
    ]


def test_a_thousand_jails_are_planned_in_a_moment():
    """A thousand jails in a chain, and a thousand that require the same ten, each in well below a second."""
    chain = {f"j{n}": DOWN._replace(requires=(f"j{n - 1}",) if n else ()) for n in range(1000)}
    fan = {f"d{n}": DOWN for n in range(10)}
    fan |= {f"j{n}": DOWN._replace(requires=tuple(fan)[:10], want="up") for n in range(1000)}
    began = time.process_time()
    assert plan(chain, ["j999"])[-1].step == 1000
    assert len(plan(fan)) == 1000
    assert time.process_time() - began < 1.0
