"""The configuration in force, and how another one takes its place."""

import os

import pytest
from zope.interface.verify import verifyObject

from runjd.config.difference import Difference
from runjd.config.faults import ConfigError
from runjd.config.model import Configuration
from runjd.interfaces import IConfiguration
from tests.supervise.configured import DB, SHORT, WEB, Bench
from tests.supervise.world import error_of, has_fired, value


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.world.close()


def test_it_provides_its_interface(bench):
    """As the protocols know it."""
    bench.begin()

    assert verifyObject(IConfiguration, bench.live)


def test_at_the_start_jails_are_defined_and_started(bench):
    """Those that want it; by the default runtime where they name none."""
    bench.begin(WEB + DB + 'autostart = false\nruntime = "plain"\n')

    assert bench.known() == {"db": "idle", "web": "running"}
    assert bench.asked() == ["run web /b/web linux"]
    assert bench.controller.facts("db").definition.runtime == "plain"
    assert bench.controller.facts("web").definition.settings.restart.kind == "on-failure"


def test_a_reload_touches_only_what_changed(bench):
    """One is added, one is removed, one changes, one stays as it is (torture row 39)."""
    bench.begin(WEB + DB + '[jail.old]\nbundle = "/b/old"\n')
    bench.asked()
    events = len(bench.world.events)

    found = bench.reload(WEB + DB + "stop.timeout = 20\n" + '[jail.new]\nbundle = "/b/new"\n')

    assert (found.added, found.removed, found.changed, found.unchanged) == (("new",), ("old",), ("db",), 1)
    asked = bench.asked()
    assert [each for each in asked if "old" not in each] == ["run new /b/new linux"]
    assert asked[0] == "signal old 15"
    assert bench.controller.facts("db").definition.settings.stop.timeout == 20
    assert not [event for event in bench.world.events[events:] if event.startswith("web ")]
    assert "- reload state=done added=1 removed=1 changed=1 unchanged=1 by=uid:0" in bench.world.events
    bench.world.reactor.turn()
    assert bench.known() == {"db": "running", "new": "running", "web": "running"}


def test_a_dry_run_changes_nothing(bench):
    """Neither files nor jails nor what is in force."""
    bench.begin(WEB)
    bench.asked()
    events = len(bench.world.events)
    bench.write(SHORT + DB)

    compared = bench.live.compare()
    bench.threads.work()

    found = value(compared)
    assert (found.added, found.changed) == (("db",), ("web",))
    assert (bench.known(), bench.asked(), os.listdir(bench.bundles)) == ({"web": "running"}, [], [])
    assert bench.world.events[events:] == []


def test_what_is_wrong_keeps_the_old_configuration(bench):
    """All of it, and says so in the answer and in an event; a later reload works (torture row 40)."""
    bench.begin(WEB)
    bench.asked()

    with pytest.raises(ConfigError) as caught:
        bench.reload(WEB + 'stop.timeout = "x"\n' + DB + "requires = [")
    assert "runjd.toml:6: is no TOML" in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        bench.reload("restart = 1\n" + WEB + 'restart = "sometimes"\n' + DB)
    assert len(caught.value.faults) == 2

    assert (bench.known(), bench.asked()) == ({"web": "running"}, [])
    assert bench.world.events[-1].startswith("- reload state=failed by=uid:0 reason=")
    assert bench.reload(WEB).unchanged == 1


@pytest.mark.parametrize("cut", range(0, len(SHORT + DB), 7))
def test_a_half_written_file_never_stops_what_it_does_not_reach(bench, cut):
    """Cut anywhere, it is refused, or it is a whole file that says less; the rest of the time nothing is touched."""
    text = SHORT + 'mounts = ["/a:/a"]\n' + DB
    bench.begin(text)
    bench.asked()

    (bench.etc / "runjd.toml").write_text(text[:cut])
    reloaded = bench.live.reload("signal")
    bench.threads.work()

    try:
        found = value(reloaded)
    except ConfigError:
        assert bench.asked() == []
        assert set(bench.known()) == {"db", "web"}
    else:
        # A file that ends behind a whole table cannot be told from one that was meant so.
        assert set(found.removed) == {id for id in ("db", "web") if f"[jail.{id}]" not in text[:cut]}


def test_reloads_are_coalesced(bench):
    """Fifty hang-ups while one is under way become one more reload, of the newest files (torture row 39)."""
    bench.begin(WEB)
    bench.reads = 0
    told: list[str] = []
    first = bench.live.reload("uid:0")
    others = [bench.live.reload("uid:1") for _ in range(25)]
    for _ in range(25):
        bench.live.hang_up(told.append)
    assert bench.reads == 0
    bench.write(WEB + DB)

    bench.threads.work()

    assert bench.reads == 2
    assert value(first).added == ("db",)
    assert {value(each) for each in others} == {Difference(unchanged=2)}
    assert told == ["ok"] * 25


def test_who_waits_for_a_reload_may_leave(bench):
    """It goes on, and the others hear of it."""
    bench.begin(WEB)
    first, second = bench.live.reload("uid:0"), bench.live.reload("uid:1")
    first.addErrback(lambda _: None)
    first.cancel()

    bench.threads.work()

    assert value(second).unchanged == 1


def test_a_reload_waits_for_the_start(bench):
    """A signal that comes early is not lost."""
    bench.write(WEB)
    live = bench.make(bench.read())
    reloaded = live.reload("signal")
    bench.threads.work()
    assert not has_fired(reloaded)

    begun = live.begin()
    bench.threads.work()

    value(begun)
    assert value(reloaded).unchanged == 1


def test_the_next_daemon_forgets_what_is_no_longer_configured(bench):
    """What was taken out while no daemon ran is removed, what runs goes on untouched."""
    bench.begin(WEB + DB)
    bench.world.make_daemon()
    bench.asked()

    bench.begin(WEB)
    bench.world.reactor.turn()

    assert bench.known() == {"web": "running"}
    assert [each for each in bench.asked() if "web" in each] == []


def test_a_daemon_that_starts_with_wrong_files_keeps_what_it_knows(bench):
    """Its jails are supervised as before, until the files are mended."""
    bench.begin(WEB + DB + "stop.timeout = 20\n")
    bench.world.make_daemon()
    bench.asked()

    bench.begin("wrong = ")
    assert (bench.known(), bench.asked()) == ({"db": "running", "web": "running"}, [])
    assert bench.world.events[-1].startswith("- reload state=failed by=config reason=")

    found = bench.reload(WEB + "stop.timeout = 5\n")
    assert (found.removed, found.changed) == (("db",), ("web",))


def test_a_directory_that_vanished_is_not_an_empty_one(bench):
    """A file system that is not mounted stops no jail."""
    bench.begin(DB, web=WEB)
    (bench.etc / "jails.d" / "web.toml").unlink()
    (bench.etc / "jails.d").rmdir()

    with pytest.raises(ConfigError, match=r"jails.d: is gone, and its jails with it; if that is meant, make an empty"):
        bench.reload(DB)
    assert set(bench.known()) == {"db", "web"}

    (bench.etc / "jails.d").mkdir()
    assert bench.reload(DB).removed == ("web",)


def test_a_file_that_vanished_stops_no_jail(bench):
    """Nor is a missing runjd.toml an empty one."""
    bench.begin(WEB)
    (bench.etc / "runjd.toml").rename(bench.etc / "runjd.toml.old")

    reloaded = bench.live.reload("signal")
    bench.threads.work()

    assert error_of(reloaded).code == "CONFIG"
    assert bench.known() == {"web": "running"}


def test_what_the_daemon_takes_at_once_it_is_told(bench):
    """At the start and at each reload."""
    bench.begin("[daemon]\nparallel = 3\n")
    bench.reload("[daemon]\nparallel = 4\n")

    assert [each.daemon.parallel for each in bench.tuned] == [3, 4]


def test_a_daemon_that_ends_reloads_no_more(bench):
    """Nothing is started that nobody would see."""
    bench.begin()
    under_way = bench.live.reload("uid:0")
    bench.write(WEB)
    bench.live.end()
    bench.threads.work()

    assert error_of(under_way).code == "STATE"
    assert error_of(bench.live.reload("uid:0")).code == "STATE"
    assert bench.known() == {}


def test_without_files_there_are_no_jails(bench):
    """A daemon without a configuration is one that is told by RUN only."""
    live = bench.make(Configuration())

    begun = live.begin()
    bench.threads.work()

    value(begun)
    assert bench.known() == {}
