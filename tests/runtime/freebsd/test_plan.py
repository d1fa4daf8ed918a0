"""Tests of runjd.runtime.freebsd.plan: whole bundles to steps, and their order."""

from __future__ import annotations

import json

import pytest

from runjd.errors import SpecError, Unsupported
from runjd.runtime.contract import Plan
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.options import Options
from runjd.runtime.freebsd.plan import FILE_MOUNTS, make_plan
from runjd.spec.example import minimal_config
from runjd.spec.model import Config, FreeBSDDevice, FreeBSDJail, JailAllow, Mount, Process, Rlimit, Scheduler
from runjd.spec.parse import parse_config
from tests.runtime.freebsd.configs import config
from tests.spec.documents import encoded, good


def plan(given: Config, extension: FreeBSDJail | None = None) -> Plan:
    """Return the plan of a bundle."""
    return make_plan(given, "/bundle", "web.1", "/run/web.1/root", extension)


def kinds(given: Config) -> list[str]:
    """Return the names of its host steps."""
    return [type(each).__name__ for each in plan(given).host_steps]


def test_a_small_jail_is_a_small_plan() -> None:
    """The root is looked at, the jail made, and entered by the child."""
    found = plan(config())

    assert (found.runtime, found.id, found.root, found.isolation) == ("freebsd", "web.1", "/bundle/root", ("jail",))
    assert kinds(config()) == ["CheckRoot", "MakeJail"]
    assert found.jail_steps == (s.Attach("web~1"),)
    assert found.notices == ()


def test_everything_is_done_in_the_order_that_the_kernel_wants() -> None:
    """Limits first, mounts and aliases before the jail, interfaces and processors once it is there."""
    jail = FreeBSDJail(parent="pod", ip4_addr=("10.0.0.1",), ip6_addr=("fd00::1",), interface="lo1",
                       allow=JailAllow(mount=("tmpfs",)), enforce_statfs=1)  # fmt: skip
    resources: dict[str, object] = {"pids": {"limit": 5}, "cpu": {"cpus": "0"}}
    dev = Mount("/dev", "devfs", "devfs", ("ruleset=4",))
    given = config(
        jail, dev, Mount("/srv", "nullfs", "srv"), devices=(FreeBSDDevice("pf"),), resources=resources, readonly=True
    )

    assert kinds(given) == [
        "CheckRoot", "CheckRacct", "AddRule", "ReadOnlyRoot", "LoadFileSystem", "CheckRuleset", "MountFileSystem",
        "BindMount", "ApplyDeviceRule", "LoadFileSystem", "PrepareParent", "AddAlias", "AddAlias", "MakeJail",
        "PinCpus", "AwaitAddress",
    ]  # fmt: skip


def test_interfaces_move_into_a_jail_that_is_there() -> None:
    """By its jid, which the kernel gives it."""
    given = config(FreeBSDJail(vnet="new", vnet_interfaces=("epair0b", "epair1b")))

    assert plan(given).host_steps[-3:] == (
        plan(given).host_steps[-3],
        s.MoveInterface("epair0b", "freebsd.jail.vnetInterfaces[0]"),
        s.MoveInterface("epair1b", "freebsd.jail.vnetInterfaces[1]"),
    )
    assert isinstance(plan(given).host_steps[-3], s.MakeJail)


def test_a_jail_with_a_read_only_root_lives_in_an_alias_of_it() -> None:
    """Its mounts are below the alias; the root itself stays as it is."""
    found = plan(config(readonly=True))
    made = next(each for each in found.host_steps if isinstance(each, s.MakeJail))

    assert s.ReadOnlyRoot("/bundle/root", "/run/web.1/root") in found.host_steps
    assert {each.name: each.value for each in made.parameters}["path"] == "/run/web.1/root"
    assert found.root == "/bundle/root"


def test_the_sources_of_a_jail_are_one() -> None:
    """config.json, runj.ext.json and annotations, by the order of runjd.spec.jail_sources."""
    found = plan(
        config(FreeBSDJail(ip4="inherit"), annotations=(("org.freebsd.jail.allow.mlock", "true"),)),
        FreeBSDJail(ip4="new", ip4_addr=("127.0.0.2",)),
    )
    made = next(each for each in found.host_steps if isinstance(each, s.MakeJail))
    values = {each.name: each.value for each in made.parameters}

    assert (values["ip4"], values["ip4.addr"], values["allow.mlock"]) == (1, ("127.0.0.2",), True)


def test_files_are_mounted_where_the_annotation_says_that_the_kernel_can() -> None:
    """And only there."""
    file = Mount("/etc/hosts", "nullfs", "/srv/hosts")

    assert plan(config(None, file)).host_steps[1] == s.BindMount(
        "/etc/hosts", "/srv/hosts", Options(), False, "mounts[0]"
    )
    [step] = [each for each in plan(config(None, file, annotations=((FILE_MOUNTS, "true"),))).host_steps
              if isinstance(each, s.BindMount)]  # fmt: skip
    assert step.mounts_files


def test_a_bundle_for_linux_becomes_a_jail() -> None:
    """Namespaces, capabilities, masked paths and the mounts of Linux are passed over."""
    given = parse_config(json.dumps(minimal_config(["/bin/sh"], hostname="web")).encode(), "config.json")

    assert kinds(given) == ["CheckRoot", "LoadFileSystem", "CheckRuleset", "MountFileSystem", "MakeJail"]


def test_every_property_of_the_specification_is_planned() -> None:
    """The document with all of them has a plan, but for the pairs that exclude each other."""
    document = good("every-freebsd-property")
    document["freebsd"]["jail"].update({"vnetInterfaces": [], "ip6": "new"})  # type: ignore[index]

    found = plan(parse_config(encoded(document), "config.json"))

    assert {type(each).__name__ for each in found.host_steps} == {
        "CheckRoot", "LoadFileSystem", "CheckRuleset", "MountFileSystem", "ApplyDeviceRule", "PrepareParent",
        "AddAlias", "MakeJail", "AwaitAddress",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "path"),
    [
        (config(process=None), "process"),
        (config()._replace(root=None), "root"),
        (config()._replace(foreign=("windows",)), "windows"),
        (config(process=Process(("sh",), scheduler=Scheduler("SCHED_IDLE"))), "process.scheduler"),
        (config(process=Process(("sh",), oom_score_adj=-500)), "process.oomScoreAdj"),
        (config(process=Process(("sh",), rlimits=(Rlimit("RLIMIT_BOGUS", 1, 1),))), "process.rlimits[0].type"),
        (config(FreeBSDJail(parent="p" * 255)), "freebsd.jail.parent"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_path(given: Config, path: str) -> None:
    """Before anything is done."""
    with pytest.raises(SpecError) as raised:
        plan(given)

    assert raised.value.path == path


def test_a_process_can_be_protected_or_not() -> None:
    """protect(1) knows no degrees; a positive score has nothing to do here."""
    for score in (-1000, 0, 500, None):
        plan(config(process=Process(("sh",), oom_score_adj=score)))
    with pytest.raises(Unsupported, match="-500"):
        plan(config(process=Process(("sh",), oom_score_adj=-500)))


def test_what_has_no_effect_is_told() -> None:
    """Permission to mount without enforceStatfs, and limits that FreeBSD does not know."""
    jail = FreeBSDJail(allow=JailAllow(mount=("tmpfs",)))

    [mount, shares] = sorted(plan(config(jail, resources={"cpu": {"shares": 5}})).notices)
    assert "allow.mount has no effect" in mount
    assert "linux.resources.cpu.shares" in shares
    assert plan(config(jail._replace(enforce_statfs=1))).notices == ()
