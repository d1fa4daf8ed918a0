"""What a jail waits for, before it starts and before it stops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.waiting import (
    CROWDED,
    Standing,
    Start,
    Stop,
    Wait,
    decide,
    is_coming,
    leaning,
    named,
    obstacles,
    swept,
)

READY = Standing("up", "running", is_ready=True)


def why(other, key="requires"):
    """Return why a jail waits for another, empty where it does not."""
    jails = {"db": other, "web": Standing("up", "waiting", **{key: ("db",)})}
    return "".join(each.why for each in obstacles(jails, "web"))


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (READY, ""),
        (Standing("up", "starting"), "starting"),
        (Standing("up", "running"), "not ready"),
        (Standing("up", "waiting"), "waiting"),
        (Standing("up", "backoff"), "backoff"),
        (Standing("up", "failed"), "failed"),
        (Standing("up", "unknown"), "unknown"),
        (Standing("up", "idle"), "ended"),
        (Standing("down", "idle"), "stopped"),
        (Standing("down", "running", is_ready=True), "stopping"),
        (Standing("up", "running", is_ready=True, is_leaving=True), "restarting"),
    ],
)
def test_a_start_waits_until_what_it_requires_is_ready(other, reason):
    """Nothing less than ready will do, and the reason tells how the other one is."""
    assert why(other) == reason


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (READY, ""),
        (Standing("up", "starting"), "starting"),
        (Standing("up", "running"), "not ready"),
        (Standing("up", "waiting"), "waiting"),
        (Standing("up", "unknown"), "unknown"),
        (Standing("up", "backoff"), ""),
        (Standing("up", "failed"), ""),
        (Standing("up", "idle"), ""),
        (Standing("down", "idle"), ""),
        (Standing("down", "stopping"), ""),
    ],
)
def test_a_start_waits_for_what_it_comes_after_only_while_that_is_on_its_way(other, reason):
    """A jail that failed, ended or is not wanted holds nobody up who merely comes after it."""
    assert why(other, "after") == reason


def test_who_waits_in_vain_holds_up_only_those_that_require_it():
    """A jail that waits for a failed one is on its way nowhere: who comes after it goes ahead."""
    jails = {
        "disk": Standing("up", "failed"),
        "db": Standing("up", "waiting", requires=("disk",)),
        "web": Standing("up", "waiting", after=("db",)),
        "app": Standing("up", "waiting", requires=("db",)),
    }
    assert not is_coming(jails, "db")
    assert decide(jails, {}, ["web", "app"], (), 8) == (
        Start("web"),
        Wait("app", "waiting for db (waiting)", is_vain=True),
    )


def test_what_is_not_there_is_waited_for_where_it_is_required():
    """A jail that was taken out of the configuration is missing, not forgiven."""
    jails = {"web": Standing("up", "waiting", requires=("db",), after=("cache",))}
    assert decide(jails, {}, ["web"], (), 8) == (Wait("web", "waiting for db (there is no such jail)", is_vain=True),)


def test_one_behind_a_jail_that_is_to_stop_does_not_start_again():
    """Though the one that it requires still runs: that one will be stopped, too."""
    jails = {
        "db": READY._replace(want="down"),
        "app": READY._replace(requires=("db",), is_leaving=True),
        "web": Standing("up", "waiting", requires=("app",)),
    }
    assert decide(jails, {}, ["web"], (), 8) == (Wait("web", "waiting for app (restarting)"),)


@pytest.mark.parametrize(
    ("db", "is_vain"),
    [
        (Standing("up", "starting"), False),
        (Standing("up", "backoff"), False),
        (Standing("up", "running", is_leaving=True), False),
        (Standing("up", "failed"), True),
        (Standing("up", "idle"), True),
        (Standing("down", "idle"), True),
    ],
)
def test_who_waits_in_vain_is_told_near_and_far(db, is_vain):
    """A dependency that is tried again may come up; one that failed, ended or was stopped will not by itself."""
    jails = {
        "db": db,
        "app": Standing("up", "waiting", requires=("db",)),
        "web": Standing("up", "waiting", requires=("app",)),
    }
    assert [each.is_vain for each in decide(jails, {}, ["app", "web"], (), 8)] == [is_vain, is_vain]


def test_no_more_start_at_a_time_than_may():
    """The first that asked have the turns, the others wait and are told why."""
    jails = {name: Standing("up", "waiting") for name in "abc"}
    assert decide(jails, {}, "cab", (), 2) == (Start("c"), Start("a"), Wait("b", CROWDED))


def test_a_jail_that_runs_is_left_alone_when_what_it_requires_fails():
    """No storm of restarts: a dependency that fails, flaps or starts anew stops nobody."""
    for phase in ("failed", "backoff", "starting", "idle", "unknown"):
        jails = {"db": Standing("up", phase), "web": READY._replace(requires=("db",))}
        assert decide(jails, {"db": ("web",)}, ["db", "web"], (), 8) == ()


def test_what_requires_a_jail_that_is_stopped_by_hand_is_stopped_first():
    """Down the whole chain, the last dependent first, and nobody else."""
    jails = {
        "db": READY._replace(want="down"),
        "app": READY._replace(requires=("db",)),
        "web": READY._replace(requires=("app",)),
        "mail": READY._replace(after=("db",)),
    }
    required_by = {"db": ("app",), "app": ("web",)}
    assert swept(jails, required_by, "db") == ("app", "web")
    jails |= {name: jails[name]._replace(is_leaving=True) for name in ("app", "web")}
    assert decide(jails, required_by, list(jails), {"db"}, 8) == (
        Wait("db", "waiting for app to stop"),
        Wait("app", "waiting for web to stop"),
        Stop("web"),
    )
    jails["web"] = jails["web"]._replace(phase="waiting", is_ready=False)
    assert Stop("app") in decide(jails, required_by, ["app"], {"db"}, 8)


def test_a_restart_by_hand_takes_those_that_require_it_along():
    """They stop first, and wait until it is ready again."""
    jails = {name: READY._replace(is_leaving=True) for name in ("db", "web")}
    jails["web"] = jails["web"]._replace(requires=("db",))
    assert decide(jails, {"db": ("web",)}, ["db", "web"], {"db"}, 8) == (
        Wait("db", "waiting for web to stop"),
        Stop("web"),
    )
    jails["web"] = jails["web"]._replace(phase="waiting", is_ready=False, is_leaving=False)
    assert decide(jails, {"db": ("web",)}, ["db", "web"], {"db"}, 8) == (
        Stop("db"),
        Wait("web", "waiting for db (restarting)"),
    )


def test_who_does_not_run_leans_on_nobody():
    """A dependent in backoff, failed or waiting does not hold up a stop."""
    for phase in ("backoff", "failed", "waiting", "idle"):
        assert leaning({"web": Standing("up", phase)}, ["web"]) == ()
    for phase in ("starting", "running", "stopping", "unknown"):
        assert leaning({"web": Standing("up", phase)}, ["web"]) == ("web",)


def test_a_reason_names_some_and_counts_the_others():
    """Three hundred jails that are waited for make no sentence of three hundred names."""
    jails = {f"d{n}": Standing("up", "starting") for n in range(5)}
    jails["web"] = Standing("up", "waiting", requires=tuple(jails))
    (waiting,) = decide(jails, {}, ["web"], (), 8)
    assert waiting == Wait("web", "waiting for d0 (starting), d1 (starting), d2 (starting) and 2 more")


@given(st.lists(st.from_regex(r"[A-Za-z0-9][\w.+-]{0,20}", fullmatch=True), min_size=1, max_size=6, unique=True))
def test_the_jails_that_a_reason_names_are_found_in_it(names):
    """Of what a start waits for, and of what a stop waits for; also behind the name of the jail that waits."""
    web = Standing("up", "waiting", requires=tuple(names))
    running = {name: Standing("down", "running", is_leaving=True, requires=("db",)) for name in names}
    (start,) = decide({"web": web}, {}, ["web"], [], 1)
    (stop,) = decide({**running, "db": Standing("down", "running")}, {"db": tuple(names)}, ["db"], ["db"], 1)
    for each in (start, stop) if "db" not in names and "web" not in names else (start,):
        assert named(each.reason) == named(f'jail "web" is {each.reason}') == tuple(names)[:3]


@pytest.mark.parametrize(
    "text", ["", CROWDED, "timed out waiting for the hook", "exited", "waiting for the end to stop"]
)
def test_other_reasons_name_no_jail(text):
    """Whatever words they are of."""
    assert named(text) == ()
