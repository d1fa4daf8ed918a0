"""The command line as engines use it: forms of create, documents, ids, and calls that come at the wrong time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.freebsd.containers import PATIENCE

FOREVER = "while :; do sleep 1; done"


@pytest.mark.parametrize(
    ("form", "process"),
    [
        ("positional", {}),
        ("--bundle", {"args": ["/bin/sh", "-c", "echo one two"]}),
        ("-b", {"env": ["A=1", "EMPTY=", "SPACES=a b"]}),
    ],
)
def test_a_bundle_is_named_in_three_ways(containers, form, process) -> None:
    """Created and deleted, with a pid file that holds a number and no newline."""
    config = containers.config(FOREVER, **process)
    bundle = containers.bundle(config)
    file = f"{containers.directory}/pid"
    words = ["c", bundle] if form == "positional" else [form, bundle, "c"]
    containers.ok("create", "--pid-file", file, *words)
    state = containers.state("c")
    containers.ok("delete", "c")

    with open(file) as written:
        assert written.read() == str(state["pid"])
    assert (state["bundle"], state["status"]) == (bundle, "created")
    assert containers.ok("list", "--quiet") == ""


def test_a_state_has_the_version_of_its_bundle(containers) -> None:
    """And what else the specification says: id, status, pid, an absolute bundle, annotations."""
    change = {"ociVersion": "1.1.0", "annotations": {"org.example.key": "value"}}
    bundle = containers.create("c", FOREVER, lambda config: config.update(change))
    state = containers.state("c")
    containers.ok("delete", "c")

    assert (state["ociVersion"], state["id"], state["status"], state["bundle"]) == ("1.1.0", "c", "created", bundle)
    assert state["annotations"]["org.example.key"] == "value"
    assert isinstance(state["pid"], int)


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.1.0-rc.2", "1.2.0", "1.3.0"])
def test_versions_from_1_0_to_1_3_are_taken(containers, version) -> None:
    """Releases, candidates, and what is in between."""
    assert containers.run("echo it runs", lambda config: config.update(ociVersion=version)) == "it runs\n"


def test_features_tell_what_can_be_asked_for(containers) -> None:
    """Versions, hooks, options of mounts; on FreeBSD every property of a jail."""
    found = json.loads(containers.ok("features"))

    assert (found["ociVersionMin"], found["ociVersionMax"]) == ("1.0.0", "1.3.0")
    assert {"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} == set(
        found["hooks"]
    )
    assert {"ro", "nosuid", "tmpcopyup"} <= set(found["mountOptions"])
    if containers.is_freebsd:
        assert "freebsd.jail.vnetInterfaces" in found["annotations"]["org.runjd.freebsd.applied"].split(",")


@pytest.mark.parametrize("id", ["../x", ".", "..", "a/b", "", ".hidden", "-x", "a b", "ü"])
def test_an_id_that_is_none_is_refused(containers, id) -> None:
    """No path, no option, nothing that a jail's name would be read otherwise by."""
    bundle = containers.bundle(containers.config(FOREVER))
    containers.fails("create", "--bundle", bundle, "--", id)

    assert containers.ok("list", "--quiet") == ""


def test_what_is_not_there_is_told_and_forced_away_without_a_word(containers) -> None:
    """Unknown ids; only delete --force is content."""
    for verb in (["state"], ["start"], ["kill"], ["delete"], ["exec", "nobody", "/bin/sh"]):
        words = [*verb] if len(verb) > 1 else [*verb, "nobody"]
        assert "nobody" in containers.fails(*words)
    containers.ok("delete", "--force", "nobody")


def test_what_has_stopped_cannot_be_signalled_or_started(containers) -> None:
    """And is as it was afterwards."""
    containers.create("c", "exit 0")
    containers.ok("start", "c")
    containers.becomes("c", "stopped")
    containers.fails("kill", "c", "KILL")
    containers.fails("start", "c")

    assert "pid" not in containers.state("c")
    containers.ok("delete", "c")


@pytest.mark.parametrize("signal", ["NOSUCH", "129", "-1", ""])
def test_a_signal_that_is_none_is_refused(containers, signal) -> None:
    """By its name or number."""
    containers.create("c", FOREVER)
    containers.fails("kill", "--", "c", signal)

    assert containers.state("c")["status"] == "created"
    containers.ok("delete", "--force", "c")


def test_of_many_that_create_one_id_one_does(containers) -> None:
    """All others are told, and leave it alone."""
    bundles = [containers.bundle(containers.config(FOREVER)) for _ in range(4)]
    ended = _together(containers, [["create", "--bundle", bundle, "c"] for bundle in bundles])

    assert sorted(ended) == [0, 1, 1, 1]
    assert containers.state("c")["bundle"] == bundles[ended.index(0)]
    containers.ok("delete", "--force", "c")


def test_of_many_that_start_a_container_one_does(containers) -> None:
    """The program begins once."""
    bundle = containers.create("c", f"echo begun >> /begun; {FOREVER}")
    ended = _together(containers, [["start", "c"]] * 4)

    assert sorted(ended) == [0, 1, 1, 1]
    containers.ok("exec", "c", "/bin/sh", "-c", "until cat /begun; do sleep 1; done")
    with open(f"{bundle}/rootfs/begun") as file:
        assert file.read() == "begun\n"
    containers.ok("delete", "--force", "c")


def test_many_containers_are_made_at_once(containers) -> None:
    """Each has its own jail, and goes alone."""
    bundles = [containers.bundle(containers.config(FOREVER)) for _ in range(5)]
    made = _together(containers, [["create", "--bundle", each, f"c{n}"] for n, each in enumerate(bundles)])
    found = containers.ok("list", "--quiet").split()
    gone = _together(containers, [["delete", f"c{n}"] for n in range(len(bundles))])

    assert (made, gone) == ([0] * 5, [0] * 5)
    assert sorted(found) == [f"c{n}" for n in range(5)]


def test_the_program_is_found_by_its_path_variable(containers) -> None:
    """In the container's own directories, or by its absolute path, or below the working directory."""
    for args, change in (
        (["hostname"], {"env": ["PATH=/nowhere:/bin"]}),
        (["/bin/hostname"], {"env": []}),
        (["./hostname"], {"env": [], "cwd": "/bin"}),
    ):
        assert containers.run("", _with_host_name(args), **change) == "found\n"


def _with_host_name(args: list[str]):
    def change(config: dict[str, Any]) -> None:
        config["hostname"] = "found"
        config["process"]["args"] = args

    return change


def _together(containers, calls: list[list[str]]) -> list[int]:
    """Return the exit statuses of calls that run beside each other."""
    running = [containers.program(*words) for words in calls]
    return [each.wait(PATIENCE) for each in running]
