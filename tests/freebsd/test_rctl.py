"""Limits of resources, on a host that counts them."""

from __future__ import annotations

import errno

import pytest

from runjd.kernel.freebsd.rctl import amounts

NAME = "runjd-test-limits"


@pytest.fixture
def rctl(machine):
    """Return the kernel, if it counts; the rules of the test's jail are removed."""
    if machine.kernel.sysctl_number("kern.racct.enable") == 0:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - the text is the C library's
            machine.kernel.rctl_get_rules("jail:nobody:")
        assert caught.value.errno == errno.ENOSYS
        pytest.skip("kern.racct.enable is 0: set kern.racct.enable=1 in /boot/loader.conf and reboot")
    yield machine.kernel
    if machine.kernel.rctl_get_rules(f"jail:{NAME}:"):
        machine.kernel.rctl_remove_rule(f"jail:{NAME}:")


def test_rules_may_be_there_before_the_jail_and_after_it(rctl, jail) -> None:
    """They hang on the name, newest first; one that differs only in its amount takes the other's place."""
    for rule in ("maxproc:deny=5", "openfiles:deny=64", "maxproc:deny=6"):
        rctl.rctl_add_rule(f"jail:{NAME}:{rule}")
    wanted = f"jail:{NAME}:maxproc:deny=6,jail:{NAME}:openfiles:deny=64"
    before = rctl.rctl_get_rules(f"jail:{NAME}:")
    rctl.jail_remove(jail(name=NAME))

    assert before == wanted
    assert rctl.rctl_get_rules(f"jail:{NAME}:") == wanted


def test_what_matches_is_removed(rctl) -> None:
    """Once: a filter that matches nothing is ESRCH."""
    rctl.rctl_add_rule(f"jail:{NAME}:maxproc:deny=5")
    rctl.rctl_remove_rule(f"jail:{NAME}:maxproc")

    with pytest.raises(ProcessLookupError):
        rctl.rctl_remove_rule(f"jail:{NAME}:maxproc")


@pytest.mark.parametrize(
    ("rule", "number"),
    [
        ("zork:deny=5", errno.EINVAL),
        ("maxproc:zork=5", errno.EINVAL),
        ("memoryuse:deny=100m", errno.EINVAL),
        ("maxproc:deny=-1", errno.ERANGE),
        ("cputime:deny=5", errno.EOPNOTSUPP),
        ("maxproc:throttle=5", errno.EOPNOTSUPP),
    ],
)
def test_a_wrong_rule_is_refused(rctl, rule, number) -> None:
    """Resource, action, amount, and whether they go together."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the text is the C library's
        rctl.rctl_add_rule(f"jail:{NAME}:{rule}")
    assert caught.value.errno == number


def test_usage_is_told_for_a_jail_and_for_none(rctl, jail) -> None:
    """A jail that is not there uses nothing, which is no error."""
    jail(name=NAME)

    assert {"cputime", "memoryuse", "maxproc", "openfiles", "pcpu"} <= amounts(
        rctl.rctl_get_racct(f"jail:{NAME}")
    ).keys()
    assert set(amounts(rctl.rctl_get_racct("jail:runjd-test-nobody")).values()) == {0}
