"""What is wanted, and what of it a reboot leaves."""

import pytest

from runjd.policy.desire import at_boot, is_lasting, wanted
from runjd.policy.settings import RESTARTS, RestartRule, Settings


def rules(kind: str, autostart: bool = True) -> Settings:
    """Return settings of that kind of restart."""
    return Settings(restart=RestartRule(kind), autostart=autostart)


def test_where_nobody_said_the_settings_do():
    """Autostart counts as long as nobody said more."""
    assert [wanted("", rules("never", each)) for each in (True, False)] == ["up", "down"]
    assert [wanted(each, rules("never", False)) for each in ("up", "down", "once")] == ["up", "down", "once"]


@pytest.mark.parametrize("kind", RESTARTS)
def test_after_a_reboot_it_is_as_it_was_wanted(kind):
    """Up stays up, and once was once; where nobody ever said, autostart decides."""
    assert at_boot("up", None, rules(kind, False)) == "up"
    assert at_boot("once", None, rules(kind)) == "down"
    assert [at_boot("", None, rules(kind, each)) for each in (True, False)] == ["up", "down"]


@pytest.mark.parametrize("kind", RESTARTS)
def test_a_stop_outlasts_a_reboot_but_for_always(kind):
    """``always`` and ``unless-stopped`` differ in this and in nothing else."""
    assert at_boot("down", None, rules(kind)) == ("up" if kind == "always" else "down")
    assert at_boot("down", None, rules(kind, autostart=False)) == "down"


@pytest.mark.parametrize("want", ["up", "down", "once", ""])
def test_who_spoke_of_boots_is_heard_at_boots(want):
    """ENABLE and DISABLE count more than a start or a stop."""
    assert at_boot(want, True, rules("never", False)) == "up"
    assert at_boot(want, False, rules("always")) == "down"


def test_a_jail_of_run_outlasts_a_reboot_where_it_says_so():
    """Else it is a job, and a job is not done again because the host was booted."""
    assert [kind for kind in RESTARTS if is_lasting(None, rules(kind))] == ["always", "unless-stopped"]
    assert is_lasting(True, rules("never"))
    assert is_lasting(False, rules("always"))
