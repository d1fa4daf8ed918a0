"""How a jail shall be kept."""

from runjd.policy import settings
from runjd.policy.settings import HealthRule, Probe, Settings


def test_nothing_said_means_started_once_and_left_alone():
    """Without a word a jail is not restarted, is ready as it runs, is not probed, and may wait for nobody."""
    rules = Settings()
    assert (rules.restart.kind, rules.ready.kind, rules.health, rules.requires, rules.after) == (
        "never",
        "start",
        None,
        (),
        (),
    )


def test_the_defaults_are_words_of_the_lists():
    """Each default that is one of several words is in the list of those words."""
    rules = Settings(health=HealthRule(Probe("tcp", port=80)))
    assert rules.restart.kind in settings.RESTARTS
    assert rules.ready.kind in settings.READINESS
    assert rules.log.format in settings.FORMATS
    assert rules.log.pressure in settings.PRESSURES
    assert rules.log.compress in settings.COMPRESSIONS
    assert rules.health is not None
    assert rules.health.action in settings.ACTIONS
    assert rules.health.probe.kind in settings.PROBES
