"""Tests of runjd.runtime.freebsd.coverage: no property of the specification is missing, anywhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from runjd.errors import Unsupported
from runjd.runtime.freebsd.coverage import APPLIED, COVERAGE, PASSED_OVER, REFUSED, paths
from runjd.runtime.freebsd.plan import make_plan
from runjd.spec import example, model
from runjd.spec.parse import parse_config
from runjd.values import Value

MAN = Path(__file__).parent.parent.parent.parent / "man"
#: where the fields of a value stand in the document
PLACES: dict[str, type[Value]] = {
    "": model.Config,
    "root": model.Root,
    "mounts[]": model.Mount,
    "process": model.Process,
    "process.consoleSize": model.ConsoleSize,
    "process.user": model.User,
    "process.rlimits[]": model.Rlimit,
    "hooks": model.Hooks,
    "freebsd": model.FreeBSD,
    "freebsd.devices[]": model.FreeBSDDevice,
    "freebsd.jail": model.FreeBSDJail,
    "freebsd.jail.allow": model.JailAllow,
}
#: fields that hold others, are no property of the document, or are written in another way there
OTHERS = {"foreign", "freebsd.jail.allow.others"}
CASES = {"uidMappings": "uidMappings", "additionalGids": "additionalGids", "execCpuAffinity": "execCPUAffinity"}
CHANGES: dict[str, tuple[dict[str, object], str]] = {
    "mounts[].uidMappings": (
        {"mounts": [{"destination": "/x", "type": "tmpfs", "uidMappings": [{"containerID": 0, "hostID": 1, "size": 1}],
                     "gidMappings": [{"containerID": 0, "hostID": 1, "size": 1}]}]},
        "mounts[0].uidMappings",
    ),
    "process.scheduler": ({"process": {"scheduler": {"policy": "SCHED_IDLE"}}}, "process.scheduler"),
    "process.ioPriority": ({"process": {"ioPriority": {"class": "IOPRIO_CLASS_IDLE"}}}, "process.ioPriority"),
    "process.execCPUAffinity": ({"process": {"execCPUAffinity": {"initial": "0"}}}, "process.execCPUAffinity"),
    **{name: ({name: {}}, name) for name in ("solaris", "vm", "windows", "zos")},
}  # fmt: skip


def camel(field: str) -> str:
    """Return a field as the document has it."""
    first, *others = field.split("_")
    made = first + "".join(each.capitalize() for each in others)
    return CASES.get(made, made)


def plan(changes: dict[str, object]) -> object:
    """Return the plan of a small document with changes."""
    document = example.freebsd_config(["/bin/sh"])
    process = {**document["process"], **changes.get("process", {})}  # type: ignore[dict-item]
    config = parse_config(json.dumps({**document, **changes, "process": process}).encode(), "config.json")
    return make_plan(config, "/bundle", "web", "/alias")


def test_every_field_of_a_document_is_in_the_table() -> None:
    """Of what every platform has, and of FreeBSD; a field that holds others stands for none itself."""
    fields = {f"{place}.{camel(each)}".lstrip(".") for place, kind in PLACES.items() for each in kind._fields}
    holding = {place.removesuffix("[]") for place in PLACES}

    assert fields - holding - OTHERS - set(COVERAGE) == set()
    assert set(COVERAGE) - fields == {"solaris", "vm", "windows", "zos"}


@pytest.mark.parametrize("path", sorted(set(paths(REFUSED)) - {"mounts[].gidMappings"}))
def test_what_is_refused_is_named(path: str) -> None:
    """By its JSON path."""
    changes, told = CHANGES[path]
    with pytest.raises(Unsupported) as raised:
        plan(changes)

    assert raised.value.path == told


def test_what_is_passed_over_changes_nothing() -> None:
    """Tools write it into every bundle."""
    process = {
        "capabilities": {"bounding": ["CAP_KILL"]}, "apparmorProfile": "unconfined", "selinuxLabel": "a_u:b_r:c_t:s0",
    }  # fmt: skip
    linux = example.minimal_config(["/bin/sh"])["linux"]
    without, found = plan({}), plan({"process": process, "linux": linux})

    assert found.host_steps == without.host_steps  # type: ignore[attr-defined]
    assert {f"process.{each}" for each in process} | {"linux"} == set(paths(PASSED_OVER))


def test_the_example_of_runj_spec_has_every_property() -> None:
    """With what a jail has anyway: a plan without them is the same."""
    document = {**example.freebsd_config(["/bin/sh"]), "freebsd": {"devices": [], "jail": example.jail_defaults()}}
    jail = document["freebsd"]["jail"]
    found = {f"freebsd.jail.{each}" for each in jail if each != "allow"}
    found |= {f"freebsd.jail.allow.{each}" for each in jail["allow"]}

    assert found == {each for each in paths(APPLIED) if each.startswith("freebsd.jail.")}
    made, barest = plan({"freebsd": document["freebsd"]}), plan({"freebsd": {}})
    names = {each.name: each.value for each in made.host_steps[-1].parameters}  # type: ignore[attr-defined]
    before = {each.name: each.value for each in barest.host_steps[-1].parameters}  # type: ignore[attr-defined]
    #: the kernel's own, seen on 13.2
    defaults = {"enforce_statfs": 2, "allow.reserved_ports": True, "allow.suser": True}
    defaults |= {f"allow.{each}": False for each in ("raw_sockets", "chflags", "quotas", "socket_af", "mlock")}
    assert names == before | defaults


@pytest.mark.parametrize(("page", "begin"), [("runj.8", ".Sh COVERAGE"), ("runj-freebsd.7", ".Ss Properties")])
def test_every_property_stands_in_the_manual(page: str, begin: str) -> None:
    """In one table; a row may name several, of which all but the first leave out what comes before."""
    text = (MAN / page).read_text()
    table = text[text.index(begin) :]
    found = set()
    for row in re.findall(r"^\.It Va (.*?) Ta", table[: table.index(".El")], re.MULTILINE):
        first, *others = row.split(" , ")
        found |= {first, *[first.rpartition(".")[0] + f".{each}" for each in others]}
        found |= {first.partition(".")[0] + f".{each}" for each in others} | set(others)

    assert set(COVERAGE) - found == set()


def test_the_manual_says_of_each_what_the_table_says() -> None:
    """In runj(8), beside the other runtimes."""
    words = {"yes": APPLIED, "error": REFUSED, "over": PASSED_OVER}
    rows = re.findall(r"^\.It Va (\S+) Ta (\w+) Ta (\w+) Ta (\w+)$", (MAN / "runj.8").read_text(), re.MULTILINE)

    assert {path: words[freebsd] for path, _linux, freebsd, _plain in rows} == COVERAGE
