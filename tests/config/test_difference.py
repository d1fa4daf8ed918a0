"""What another configuration changes, and from when on."""

from hypothesis import given
from hypothesis import strategies as st

from runjd.config.difference import DAEMON, NOW, START, Change, Difference, difference
from runjd.config.model import DEFAULTS, Configuration, ConfiguredJail, DaemonConfig, ShortForm
from runjd.policy.settings import HealthRule, LogRule, Probe, ReadyRule, RestartRule, StopRule

WEB = ConfiguredJail("web", "/etc/runjd.toml", bundle="/b")


def changes(**fields):
    """Return what a jail's other settings change."""
    after = WEB._replace(settings=DEFAULTS._replace(**fields))
    return [each[1:] for each in difference(of(WEB), of(after)).changes]


def of(*jails, **daemon):
    return Configuration("/etc/runjd.toml", (), DaemonConfig(**daemon), tuple(jails))


def test_nothing_changes_where_nothing_differs():
    """Where a jail stands is no part of it."""
    moved = WEB._replace(file="/etc/jails.d/web.toml")

    assert difference(of(WEB), of(moved)) == Difference(unchanged=1)


def test_how_a_jail_is_kept_changes_at_once():
    """Key by key, as they are written."""
    assert changes(stop=StopRule(timeout=20.0, signal=2)) == [
        ("stop.signal", "15", "2", NOW),
        ("stop.timeout", "10", "20", NOW),
    ]
    assert changes(restart=RestartRule("always", success_statuses=(0, 3))) == [
        ("restart.policy", "on-failure", "always", NOW),
        ("restart.success", "0", "0 3", NOW),
    ]
    assert changes(requires=("db",), autostart=False) == [
        ("requires", "-", "db", NOW),
        ("autostart", "true", "false", NOW),
    ]
    assert changes(log=LogRule(keep=9)) == [("log.keep", "5", "9", NOW)]


def test_a_table_that_was_not_there_is_all_new():
    """Each of its keys is shown."""
    found = changes(health=HealthRule(Probe("tcp", port=80)))

    assert ("health.probe.port", "-", "80", NOW) in found
    assert ("health.action", "-", "none", NOW) in found


def test_how_a_jail_starts_changes_with_its_next_start():
    """When it is ready, what it is made of, and by what."""
    assert changes(ready=ReadyRule("notify")) == [("ready.when", "start", "notify", START)]
    after = WEB._replace(bundle="", short=ShortForm("/r", ("/c", "-x")), runtime="plain", stdin=True)
    found = {each.key: each for each in difference(of(WEB), of(after)).changes}

    assert found["bundle"] == Change("web", "bundle", "/b", "-", START)
    assert found["command"] == Change("web", "command", "-", "/c -x", START)
    assert (found["runtime"].after, found["stdin"].after) == ("plain", "true")


def test_variables_are_not_shown():
    """They hold passwords; that they change is told."""
    one, other = (
        WEB._replace(short=ShortForm("/r", ("/c",), environment=tuple(pairs)))
        for pairs in ([("A", "secret"), ("B", "1")], [("A", "other"), ("C", "1")])
    )

    found = difference(of(one), of(other)).changes

    assert [each[1:] for each in found] == [
        ("environment.A", "...", "...", START),
        ("environment.B", "...", "-", START),
        ("environment.C", "-", "...", START),
    ]


def test_the_daemon_has_keys_that_wait_for_its_next_start():
    """Where it lives cannot change while it lives there; how much it does at once can."""
    found = difference(of(), of(state="/s", parallel=2)).changes

    assert found == (Change("", "state", "-", "/s", DAEMON), Change("", "parallel", "8", "2", NOW))


SETTINGS = st.sampled_from([DEFAULTS, DEFAULTS._replace(autostart=False), DEFAULTS._replace(after=("x",))])
JAILS = st.dictionaries(st.sampled_from("abcdef"), SETTINGS).map(
    lambda found: of(*[ConfiguredJail(id, "f", "/b", settings=found[id]) for id in sorted(found)])
)


@given(JAILS, JAILS)
def test_every_jail_is_in_one_place(before, after):
    """Added, removed, changed or unchanged; and what is applied leaves no difference."""
    found = difference(before, after)
    old, new = ({jail.id for jail in each.jails} for each in (before, after))

    assert set(found.added) == new - old
    assert set(found.removed) == old - new
    assert set(found.changed) <= new & old
    assert len(found.changed) + found.unchanged == len(new & old)
    assert difference(after, after) == Difference(unchanged=len(new))
