"""How another configuration takes the place of the one in force, jail by jail; and the bundles that are made."""

import json
import os

import pytest

from runjd.config.faults import ConfigError
from runjd.errors import InputOutput, RuntimeFailure
from tests.supervise.configured import DB, SHORT, WEB, Bench
from tests.supervise.world import error_of, value


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path)
    yield bench
    bench.world.close()


def test_a_jail_without_a_bundle_gets_one(bench):
    """Below the state of the daemon, for nobody else to read."""
    bench.begin(SHORT)

    assert bench.asked() == [f"run web {bench.bundles}/web linux"]
    made = bench.bundles / "web" / "config.json"
    assert json.loads(made.read_text())["process"]["args"] == ["/c"]
    assert (made.stat().st_mode & 0o777, made.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert os.listdir(made.parent) == ["config.json"]


def test_a_bundle_that_stands_there_already_is_left_alone(bench):
    """A new daemon does not write all of them anew; one that somebody changed is made again."""
    bench.begin(SHORT)
    made = bench.bundles / "web" / "config.json"
    first, contents = made.stat().st_ino, made.read_text()

    bench.world.make_daemon()
    bench.begin(SHORT)
    assert made.stat().st_ino == first

    made.write_text(contents + " ")
    bench.world.make_daemon()
    bench.begin(SHORT)
    assert made.read_text() == contents


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


def test_a_jail_is_removed_also_where_a_full_disk_takes_no_record(bench):
    """It is stopped and gone, and so is its bundle."""
    bench.begin(SHORT)
    os.mkdir(f"{bench.world.directory}/jails/web.json.new")

    assert bench.reload().removed == ("web",)
    bench.world.reactor.turn()
    bench.threads.work()
    assert (bench.known(), os.listdir(bench.bundles)) == ({}, [])


def test_a_jail_of_which_something_is_left_keeps_its_bundle(bench):
    """It is there still, and may be started; the next reload removes it, or keeps it as the files say."""
    bench.begin(SHORT)
    bench.world.keeper.next_delete_error = RuntimeFailure("unmount /proc", "Device or resource busy")

    bench.reload()
    bench.world.reactor.turn()
    bench.threads.work()
    assert (bench.known(), os.listdir(bench.bundles / "web")) == ({"web": "failed"}, ["config.json"])

    bench.reload(SHORT.replace("/c", "/d"))
    made = json.loads((bench.bundles / "web" / "config.json").read_text())
    assert (bench.known(), made["process"]["args"]) == ({"web": "failed"}, ["/d"])

    bench.reload()
    bench.threads.work()
    assert (bench.known(), os.listdir(bench.bundles)) == ({}, [])


def leave(bench):
    """Let a jail leave slowly, and come back; return the reload that is about to write its bundle."""
    bench.begin(SHORT)
    bench.world.keeper.programs["web", ""].ignores.add(15)
    bench.reload()
    bench.write(SHORT.replace("/c", "/d"))
    reloaded = bench.live.reload("uid:0")
    bench.threads.work(2)
    return reloaded


def test_a_jail_that_is_gone_while_its_bundle_is_written_has_that_bundle(bench):
    """What was left of the old one is not removed with the new one."""
    reloaded = leave(bench)
    assert bench.known() == {"web": "stopping"}

    bench.world.reactor.turn(11)
    assert bench.known() == {}
    bench.threads.work()

    assert value(reloaded).added == ("web",)
    assert bench.known() == {"web": "running"}
    assert json.loads((bench.bundles / "web" / "config.json").read_text())["process"]["args"] == ["/d"]


def test_a_jail_that_is_gone_and_does_not_come_leaves_no_bundle(bench):
    """The daemon ends while the bundle is written; the next one makes it anew."""
    reloaded = leave(bench)

    bench.world.reactor.turn(11)
    bench.live.end()
    bench.threads.work()

    assert error_of(reloaded).code == "STATE"
    assert os.listdir(bench.bundles) == []


def test_a_jail_is_removed_behind_those_that_require_it(bench):
    """It is told to stop when they have stopped, so they can finish what they do with it."""
    bench.begin(DB + WEB + 'requires = ["db"]\n')
    bench.world.reactor.turn()
    bench.world.keeper.programs["web", ""].ignores.add(15)
    database = bench.world.keeper.programs["db", ""]

    assert bench.reload().removed == ("db", "web")
    bench.world.reactor.turn(5)
    assert (bench.known(), database.signals) == ({"db": "running", "web": "stopping"}, [])
    assert bench.controller.facts("db").reason == "waiting for web to stop"

    for _ in range(3):
        bench.world.reactor.turn(5)
    assert (bench.known(), database.signals) == ({}, [15])


def test_a_bundle_that_cannot_be_written_changes_nothing(bench):
    """A full disk does not leave half of a configuration."""
    bench.begin(WEB)
    os.rmdir(bench.bundles)

    with pytest.raises(InputOutput, match="cannot write the bundle .*/db: No such file"):
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


OVERRIDDEN = 'environment = { A = "2" }\nlimits = { files = 9 }\n'


def test_a_bundle_is_overridden_anew_at_each_start(bench, tmp_path):
    """It is what the bundle says then, with what the table says; what is of the bundle is found from elsewhere."""
    other = tmp_path / "b"
    other.mkdir()
    config = {"ociVersion": "1.0.0", "root": {"path": "rootfs"}, "process": {"args": ["/c"], "env": ["A=1", "B=1"]}}
    (other / "config.json").write_text(json.dumps(config))
    table = f'[jail.web]\nbundle = "{other}"\n'

    bench.begin(table + OVERRIDDEN)
    assert bench.asked() == [f"run web {bench.bundles}/web linux"]
    made = json.loads((bench.bundles / "web" / "config.json").read_text())
    assert (made["root"]["path"], made["process"]["env"]) == (f"{other}/rootfs", ["B=1", "A=2"])
    assert made["process"]["rlimits"] == [{"type": "RLIMIT_NOFILE", "soft": 9, "hard": 9}]

    config["process"]["args"] = ["/d"]
    (other / "config.json").write_text(json.dumps(config))
    (other / "runj.ext.json").write_text("{}")
    value(bench.controller.restart("web", "uid:0"))
    assert json.loads((bench.bundles / "web" / "config.json").read_text())["process"]["args"] == ["/d"]
    assert (bench.bundles / "web" / "runj.ext.json").read_text() == "{}"

    found = bench.reload(table)
    assert [(each.key, each.after, each.takes) for each in found.changes] == [
        ("environment.A", "-", "start"),
        ("limits.files", "0", "start"),
    ]
    bench.asked()
    value(bench.controller.restart("web", "uid:0"))
    assert bench.asked()[-1] == f"run web {other} linux"


def test_a_bundle_that_is_gone_fails_the_start(bench):
    """With the reason; the next start finds it, if it is there then."""
    bench.begin(f'[jail.web]\nbundle = "/no/such"\n{OVERRIDDEN}autostart = false\n')

    error = error_of(bench.controller.start("web", "uid:0"))

    assert "/no/such: there is no such bundle" in str(error)
    assert bench.asked() == []


def test_a_jail_may_change_between_all_kinds_of_bundles(bench, tmp_path):
    """Nothing of one kind is left when it is of another."""
    other = tmp_path / "b"
    other.mkdir()
    (other / "config.json").write_text('{"process": {"args": ["/of-bundle"]}}')
    table = f'[jail.web]\nbundle = "{other}"\n'
    bench.begin(SHORT)

    for text, args in ((table + OVERRIDDEN, "/of-bundle"), (SHORT, "/c"), (table + OVERRIDDEN, "/of-bundle")):
        bench.reload(text)
        value(bench.controller.restart("web", "uid:0"))
        assert json.loads((bench.bundles / "web" / "config.json").read_text())["process"]["args"] == [args]
