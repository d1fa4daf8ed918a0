"""The configuration in force, and how another one takes its place."""

import json
import os

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from runjd.config.difference import Difference
from runjd.config.faults import ConfigError
from runjd.config.load import load
from runjd.config.model import Configuration
from runjd.errors import InputOutput, RunjdError
from runjd.interfaces import IConfiguration
from runjd.supervise.bundles import Bundles
from runjd.supervise.configuration import LiveConfiguration
from runjd.supervise.inforce import InForce
from tests.config.written import write
from tests.supervise.world import World, error_of, has_fired, value


class Threads:
    """Calls that are carried out when the test says so."""

    def __init__(self) -> None:
        self._calls = []

    def __call__(self, call, *words):
        done: Deferred = Deferred()
        self._calls.append((done, call, words))
        return done

    def work(self) -> None:
        """Carry out all calls, and those that follow from them."""
        while self._calls:
            done, call, words = self._calls.pop(0)
            try:
                result = call(*words)
            except RunjdError:
                result = Failure()
            done.callback(result)


class Bench:
    """A daemon in memory with files of a configuration."""

    def __init__(self, directory) -> None:
        self.etc = directory / "etc"
        os.mkdir(directory / "bundles")
        self.bundles = directory / "bundles"
        self.world = World(str(directory))
        self.tuned = []
        self.reads = 0
        self.pauses: list[Deferred] | None = None
        self.write()

    @property
    def controller(self):
        return self.world.controller

    def write(self, main="", **jails):
        self.file = write(self.etc, main, **jails)

    def read(self, needs_directory=False):
        self.reads += 1
        return load(self.file, self.controller.runtimes, needs_directory=needs_directory)

    def pause(self):
        """Pause for no time, unless a test wants to say when it is over."""
        if self.pauses is None:
            return succeed(None)
        self.pauses.append(Deferred())
        return self.pauses[-1]

    def begin(self, main="", **jails):
        """Begin with these files, as a daemon does; or with wrong ones."""
        self.write(main, **jails)
        try:
            first = self.read()
        except ConfigError as error:
            first = error
        self.live = self.make(first)
        begun = self.live.begin()
        self.threads.work()
        value(begun)

    def make(self, first):
        """Make what is tested, on threads of its own."""
        self.threads = Threads()
        in_force = InForce(self.controller, Bundles(str(self.bundles)), self.threads, self.pause)
        return LiveConfiguration(in_force, self.world.site.events, self.read, first, self.threads, self.tuned.append)

    def reload(self, main="", **jails):
        """Reload these files; return the difference."""
        self.write(main, **jails)
        reloaded = self.live.reload("uid:0")
        self.threads.work()
        return value(reloaded)

    def asked(self):
        """Return what the keeper was asked since the last time."""
        asked, self.world.keeper.asked = self.world.keeper.asked, []
        return asked

    def known(self):
        """Return the jails with their phases."""
        return {facts.id: facts.phase for facts in self.controller.jails()}


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.world.close()


WEB = '[jail.web]\nbundle = "/b/web"\n'
DB = '[jail.db]\nbundle = "/b/db"\n'
SHORT = '[jail.web]\nroot = "/r"\ncommand = ["/c"]\n'


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


def test_a_jail_without_a_bundle_gets_one(bench):
    """Below the state of the daemon, for nobody else to read."""
    bench.begin(SHORT)

    assert bench.asked() == [f"run web {bench.bundles}/web linux"]
    made = bench.bundles / "web" / "config.json"
    assert json.loads(made.read_text())["process"]["args"] == ["/c"]
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert os.listdir(made.parent) == ["config.json"]


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
    first = bench.live.reload("uid:0")
    others = [bench.live.reload("uid:1") for _ in range(25)]
    for _ in range(25):
        bench.live.hang_up()
    assert bench.reads == 0
    bench.write(WEB + DB)

    bench.threads.work()

    assert bench.reads == 2
    assert value(first).added == ("db",)
    assert {value(each) for each in others} == {Difference(unchanged=2)}


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


def test_a_jail_of_run_is_in_the_way(bench):
    """It is its caller's; the configuration is refused as a whole."""
    bench.begin()
    bench.world.run()

    with pytest.raises(ConfigError, match=r"runjd.toml: jail.web: a jail of that name was made by run; delete it"):
        bench.reload(WEB + DB)

    assert set(bench.known()) == {"web"}


def test_a_jail_of_run_stays_where_nobody_names_it(bench):
    """A reload removes what was configured, and nothing else."""
    bench.begin(DB)
    bench.world.run()

    bench.reload()

    assert "web" in bench.known()


def test_a_jail_that_comes_back_while_it_leaves_is_defined_anew(bench):
    """Once it is gone, with the bundle that it has now."""
    bench.begin(SHORT)
    bench.world.keeper.programs["web", ""].ignores.add(15)
    bench.reload()
    assert bench.known() == {"web": "stopping"}

    bench.reload(SHORT.replace("/c", "/d"))
    bench.asked()
    bench.world.reactor.turn(11)
    bench.threads.work()

    assert bench.known() == {"web": "running"}
    assert bench.asked()[-1] == f"run web {bench.bundles}/web linux"
    assert json.loads((bench.bundles / "web" / "config.json").read_text())["process"]["args"] == ["/d"]


def test_the_bundle_of_a_jail_that_is_gone_is_removed(bench):
    """When nothing of it is left."""
    bench.begin(SHORT)
    bench.reload()
    bench.world.reactor.turn()
    bench.threads.work()

    assert os.listdir(bench.bundles) == []


def test_a_bundle_that_cannot_be_written_changes_nothing(bench):
    """A full disk does not leave half of a configuration."""
    bench.begin(WEB)
    os.rmdir(bench.bundles)

    with pytest.raises(InputOutput, match="cannot write the bundle of db"):
        bench.reload(WEB + '[jail.db]\nroot = "/r"\ncommand = ["/c"]\n')

    assert set(bench.known()) == {"web"}


def test_a_jail_that_cannot_be_written_down_is_tried_again(bench):
    """The others are kept as the files say, and the next reload does the rest."""
    bench.begin(WEB)
    os.mkdir(f"{bench.world.directory}/jails/db.json.new")

    with pytest.raises(InputOutput, match=r"in force, but: cannot write .*db\.json"):
        bench.reload(WEB + "stop.timeout = 20\n" + DB)
    assert bench.controller.facts("web").definition.settings.stop.timeout == 20
    os.rmdir(f"{bench.world.directory}/jails/db.json.new")

    assert bench.reload(WEB + "stop.timeout = 20\n" + DB).added == ("db",)


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

    assert [daemon.parallel for daemon in bench.tuned] == [3, 4]


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


def test_many_jails_are_changed_without_keeping_others_waiting(bench):
    """The reactor has its turn meanwhile, and a daemon that ends leaves the rest to the next one."""
    many = "".join(f'[jail.j{n:02}]\nbundle = "/b"\nautostart = false\n' for n in range(50))
    bench.begin()
    bench.pauses = []
    bench.write(many)
    reloaded = bench.live.reload("uid:0")
    bench.threads.work()
    assert len(bench.known()) == 19

    bench.pauses[0].callback(None)
    assert len(bench.known()) == 39
    bench.live.end()
    bench.pauses[1].callback(None)

    assert error_of(reloaded).code == "STATE"
    bench.world.make_daemon()
    bench.pauses = None
    bench.begin(many)
    assert len(bench.known()) == 50


def test_jails_come_behind_those_that_they_require(bench):
    """Nobody meets a name that is not there yet; and they go before them."""
    text = (
        '[jail.a]\nbundle = "/a"\nrequires = ["z"]\n[jail.z]\nbundle = "/z"\nafter = ["m"]\n[jail.m]\nbundle = "/m"\n'
    )
    bench.begin()
    bench.reload(text)
    assert [event.split()[0] for event in bench.world.events if " defined " in event] == ["m", "z", "a"]

    bench.reload()
    bench.world.reactor.turn()
    assert [event.split()[0] for event in bench.world.events if " deleted" in event] == ["a", "z", "m"]
