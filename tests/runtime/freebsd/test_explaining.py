"""Tests of runjd.runtime.freebsd.explaining: an error of jail_set(2) names the property."""

from __future__ import annotations

import errno

import pytest

from runjd.errors import RuntimeFailure
from runjd.spec.model import FreeBSDJail, JailAllow
from tests.runtime.freebsd.configs import config
from tests.runtime.freebsd.machine import Machine


@pytest.mark.parametrize(
    ("jail", "path", "words"),
    [
        (FreeBSDJail(enforce_statfs=0), "enforceStatfs", "its parent has 1, and it may not have less"),
        (FreeBSDJail(allow=JailAllow(raw_sockets=True)), "allow.rawSockets", "its parent may not do that"),
        (FreeBSDJail(ip4_addr=("10.0.0.1", "10.0.0.9")), "ip4Addr", "its parent does not have 10.0.0.9"),
        (FreeBSDJail(ip6_addr=("fd00::9",)), "ip6Addr", "its parent does not have fd00::9"),
    ],
)
def test_what_a_parent_has_not_its_child_cannot_have(jail: FreeBSDJail, path: str, words: str) -> None:
    """The kernel says EPERM and nothing else; we say which property, and whose fault it is."""
    machine = Machine()
    sysv = ((each, 1) for each in ("sysvmsg", "sysvsem", "sysvshm"))
    machine.kernel.jail_set(
        (
            ("name", "pod"),
            ("path", "/"),
            ("persist", True),
            ("enforce_statfs", 1),
            ("ip4.addr", ("10.0.0.1",)),
            ("ip6.addr", ("fd00::1",)),
            *sysv,
        ),
        1,
    )
    fitting = {"ip4": "disable", "ip6": "disable", "enforce_statfs": 1}
    given = {name: value for name, value in jail._asdict().items() if value}
    if jail.enforce_statfs is not None:
        given["enforce_statfs"] = jail.enforce_statfs
    for family in ("ip4", "ip6"):
        if f"{family}_addr" in given:
            given[family] = "new"

    with pytest.raises(RuntimeFailure) as raised:
        machine.prepare(config(FreeBSDJail(**{**fitting, **given, "parent": "pod"})))  # type: ignore[arg-type]

    assert (raised.value.path, raised.value.errno) == (f"freebsd.jail.{path}", errno.EPERM)
    assert f"{words} (the parent jail pod)" in str(raised.value)


def test_shared_memory_that_the_parent_does_not_have_is_explained() -> None:
    """A child has its own by default, which the kernel does not let it have (EPERM)."""
    machine = Machine()
    parent = (("name", "pod"), ("path", "/"), ("persist", True), ("ip4", 2), ("ip6", 2), ("sysvsem", 1))
    machine.kernel.jail_set(parent, 1)

    with pytest.raises(RuntimeFailure, match='its parent has none: say "disable"') as raised:
        machine.prepare(config(FreeBSDJail(parent="pod")))

    assert raised.value.path == "freebsd.jail.sysvmsg"


def test_who_is_in_a_jail_himself_is_told_so() -> None:
    """The kernel does not say what our own jail may; what it takes away is not given to its children."""
    machine = Machine()
    ours = (("name", "ours"), ("path", "/"), ("persist", True), ("ip4", 2), ("ip6", 2), ("children.max", 5))
    machine.kernel.jail_attach(machine.kernel.jail_set(ours, 1))

    with pytest.raises(RuntimeFailure, match="runj is in a jail itself.*sysvshm") as raised:
        machine.prepare(config())

    assert raised.value.errno == errno.EPERM


def test_a_refusal_without_a_known_reason_is_told_as_it_is() -> None:
    """By the step."""
    machine = Machine()
    machine.kernel.state.me.uid = 1001

    with pytest.raises(RuntimeFailure, match="freebsd.jail: make the jail web: operation not permitted"):
        machine.prepare(config())
