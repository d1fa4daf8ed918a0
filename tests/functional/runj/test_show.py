"""``runj state``, ``runj list``, ``runj --version`` and the help."""

import json

from tests.functional.runj.command import Runj


def test_the_state_is_that_of_the_specification(runj: Runj) -> None:
    """ociVersion, id, status, pid, bundle and annotations."""
    config = runj.jails.config(["sleep", "60"]) | {"annotations": {"a.b": "c"}}
    bundle = runj.jails.write(config)
    runj.ok("create", "-b", bundle, "web")

    state = runj.state("web")
    pid = state.pop("pid")

    assert isinstance(pid, int)
    assert state == {
        "ociVersion": config["ociVersion"],
        "id": "web",
        "status": "created",
        "bundle": bundle,
        "annotations": {"a.b": "c"},
    }


def test_an_unknown_container_has_no_state(plain: Runj) -> None:
    """It is an error that says where it was looked for."""
    assert plain.fails("state", "web") == f'no jail named "web"; {plain.jails.state_dir}/web does not exist'


def test_containers_are_listed_for_people_and_programs(plain: Runj) -> None:
    """A table, JSON, or ids alone."""
    plain.create("web", ["sleep", "60"])
    pid = plain.create("a-db", ["sleep", "60"])

    lines = plain.ok("list").splitlines()
    records = json.loads(plain.ok("list", "--format", "json"))

    assert lines[0].split() == ["ID", "PID", "STATUS", "BUNDLE", "CREATED"]
    assert lines[1].split()[:3] == ["a-db", str(pid), "created"]
    assert [record["id"] for record in records] == ["a-db", "web"]
    assert plain.ok("list", "-q") == "a-db\nweb\n"


def test_nothing_is_listed_where_nothing_is(plain: Runj) -> None:
    """No state directory is an empty one, and is not made."""
    assert plain.ok("list", "-q") == ""
    assert json.loads(plain.ok("list", "-f", "json")) == []


def test_the_version_is_printed(plain: Runj) -> None:
    """Engines ask for it."""
    assert plain.ok("--version").startswith("runj version ")


def test_help_is_printed(plain: Runj) -> None:
    """Of the program and of a verb."""
    assert "Send a signal to the init process" in plain.ok("--help")
    assert plain.ok("kill", "-h").startswith("usage: runj kill [OPTIONS] ID [SIGNAL]\n")


def test_a_line_without_a_verb_names_the_verbs(plain: Runj) -> None:
    """There is nothing to do."""
    assert plain.fails().startswith("no verb given; there are create, start, run, exec, state, list, kill, delete")
