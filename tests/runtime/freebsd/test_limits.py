"""Tests of runjd.runtime.freebsd.limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.errors import SpecError
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.limits import PREFIX, parse_cpus, passed_over, plan_cpus, plan_limits
from runjd.spec.parse_resources import parse_resources
from tests.runtime.freebsd.configs import config


def rules(resources: dict[str, object] | None = None, **annotations: str) -> list[str]:
    """Return the rules, as rctl(8) shows them."""
    given = config(
        resources=resources, annotations=tuple((PREFIX + name, value) for name, value in annotations.items())
    )
    first, *others = plan_limits(given, "web")
    assert isinstance(first, s.CheckRacct)
    return [each.rule for each in others if isinstance(each, s.AddRule)]


def test_nothing_is_asked_of_the_kernel_without_a_limit() -> None:
    """So a host without racct runs what needs none; empty, zero and -1 are no limits."""
    assert plan_limits(config(), "web") == ()
    assert plan_limits(config(resources={"pids": {"limit": 0}, "memory": {"limit": -1}, "cpu": {}}), "web") == ()


def test_annotations_are_rules() -> None:
    """Several for a resource, with units."""
    assert rules(
        maxproc="log=80,deny=100", vmemoryuse="deny=512m", readbps="throttle=1M", wallclock="sigterm=3600"
    ) == [
        "jail:web:maxproc:log=80",
        "jail:web:maxproc:deny=100",
        f"jail:web:vmemoryuse:deny={512 << 20}",
        f"jail:web:readbps:throttle={1 << 20}",
        "jail:web:wallclock:sigterm=3600",
    ]


def test_what_engines_write_becomes_rules_where_it_has_a_meaning() -> None:
    """memoryuse:deny does nothing in the kernel (rctl(8), BUGS), so a jail that is too large is killed as on Linux."""
    assert rules(
        {
            "memory": {"limit": 64 << 20, "swap": 96 << 20},
            "pids": {"limit": 100},
            "cpu": {"quota": 150000, "period": 100000},
        }
    ) == [
        f"jail:web:memoryuse:sigkill={64 << 20}",
        f"jail:web:swapuse:deny={32 << 20}",
        "jail:web:maxproc:deny=100",
        "jail:web:pcpu:deny=150",
    ]


def test_a_quota_without_a_period_is_of_100_ms_and_never_rounded_to_nothing() -> None:
    """pcpu:deny=0 would stop the jail."""
    assert rules({"cpu": {"quota": 50000}}) == ["jail:web:pcpu:deny=50"]
    assert rules({"cpu": {"quota": 1, "period": 1000000}}) == ["jail:web:pcpu:deny=1"]


def test_an_annotation_replaces_what_the_resource_would_give() -> None:
    """The operator's own words count."""
    assert rules({"memory": {"limit": 1}, "pids": {"limit": 5}}, memoryuse="sigterm=2") == [
        "jail:web:memoryuse:sigterm=2",
        "jail:web:maxproc:deny=5",
    ]


def test_the_property_that_asks_for_accounting_is_known() -> None:
    """A host without racct names it."""
    assert plan_limits(config(resources={"pids": {"limit": 5}}), "web")[0] == s.CheckRacct("linux.resources.pids.limit")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("memory", "deny=1", 'no resource "memory"'),
        ("maxproc", "", "expected ACTION=AMOUNT"),
        ("maxproc", "deny", "expected ACTION=AMOUNT"),
        ("maxproc", "deny=many", "expected ACTION=AMOUNT"),
        ("maxproc", "deny=-1", "expected ACTION=AMOUNT"),
        ("maxproc", f"deny={2**63}", "expected ACTION=AMOUNT"),
        ("maxproc", "deny=1e3", "expected ACTION=AMOUNT"),
        ("maxproc", "forbid=1", '"forbid" is none of'),
        ("maxproc", "throttle=1", "cannot be throttled"),
        ("cputime", "deny=1", "cannot be denied; use a signal"),
        ("readbps", "deny=1", "cannot be denied; use throttle or a signal"),
    ],
)
def test_an_annotation_that_is_no_rule_is_refused(name: str, value: str, words: str) -> None:
    """The kernel would say EINVAL, EOPNOTSUPP or ERANGE."""
    with pytest.raises(SpecError) as raised:
        plan_limits(config(annotations=((PREFIX + name, value),)), "web")

    assert raised.value.path == f'annotations["{PREFIX}{name}"]'
    assert words in raised.value.reason


@pytest.mark.parametrize(
    ("resources", "path"),
    [
        ({"memory": {"limit": 10, "swap": 5}}, "linux.resources.memory.swap"),
        ({"pids": {"limit": "many"}}, "linux.resources.pids.limit"),
        ({"pids": {"limit": True}}, "linux.resources.pids.limit"),
    ],
)
def test_a_resource_that_makes_no_sense_is_refused(resources: dict[str, object], path: str) -> None:
    """By its path."""
    with pytest.raises(SpecError) as raised:
        plan_limits(config(resources=resources), "web")

    assert raised.value.path == path


def test_processors_are_pinned() -> None:
    """linux.resources.cpu.cpus is a cpuset(1)."""
    assert plan_cpus(parse_resources({"cpu": {"cpus": "0-2,5"}})) == (s.PinCpus((0, 1, 2, 5)),)
    assert plan_cpus(parse_resources({"cpu": {"cpus": ""}})) == ()


@pytest.mark.parametrize("text", ["a", "1-", "-1", "3-1", "1,,2", "99999"])
def test_a_list_of_processors_that_is_none_is_refused(text: str) -> None:
    """By its path."""
    with pytest.raises(SpecError, match=r"^linux\.resources\.cpu\.cpus: found"):
        plan_cpus(parse_resources({"cpu": {"cpus": text}}))


@given(st.sets(st.integers(0, 1023), min_size=1, max_size=20))
def test_a_list_of_processors_is_read_as_it_was_written(cpus: set[int]) -> None:
    """Whatever their order."""
    assert parse_cpus(",".join(map(str, cpus)), "") == tuple(sorted(cpus))


def test_what_has_no_meaning_here_is_told() -> None:
    """But for the devices, which every engine writes."""
    resources: dict[str, object] = {
        "devices": [{"allow": False, "access": "rwm"}],
        "cpu": {"shares": 512, "quota": 1, "period": 0},
        "blockIO": {"weight": 10},
        "unified": {"memory.high": "1"},
        "rdma": {},
    }

    assert passed_over(parse_resources(resources)) == (
        "linux.resources.cpu.shares",
        "linux.resources.blockIO",
        "linux.resources.unified",
    )
    assert passed_over(parse_resources(None)) == ()
