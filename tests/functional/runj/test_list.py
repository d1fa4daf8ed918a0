"""``runj list``."""

import json

import pytest

from tests.functional.runj.command import Runj


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


@pytest.mark.root
def test_programs_learn_more_of_a_container(linux: Runj) -> None:
    """When it was created, by which runtime, and where its root is: by the names that runc uses."""
    bundle = linux.bundle(["sleep", "60"])
    linux.ok("create", "-b", bundle, "web")

    (record,) = json.loads(linux.ok("list", "-f", "json"))

    assert (record["runtime"], record["rootfs"], record["bundle"]) == ("linux", f"{bundle}/rootfs", bundle)
    assert record["created"][4:5] + record["created"][-1:] == "-Z"
    assert record["pid"] == linux.state("web")["pid"]
