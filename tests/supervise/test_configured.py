"""Jails of the configuration: what a reload makes the controller do."""

import os

import pytest

from runjd.errors import AlreadyExists, InputOutput, NoSuchJail
from runjd.policy.facts import Definition
from runjd.policy.settings import RestartRule, Settings
from tests.supervise.world import error_of, has_fired, value

ALWAYS = Settings(restart=RestartRule("always"))


def definition(id: str = "web", **options) -> Definition:
    """Return a definition as the configuration makes it."""
    return Definition(id, f"/bundles/{id}", "", **options)


def test_a_jail_that_is_defined_starts(world):
    """Nobody ever said that it shall not."""
    world.controller.define(definition(), "config")

    facts = world.controller.facts("web")
    assert (facts.want, facts.phase) == ("up", "running")
    assert world.events[0] == "web defined by=config bundle=/bundles/web"
    assert world.controller.configured() == ["web"]


def test_a_jail_without_autostart_is_left_down(world):
    """It is known, and starts when somebody asks for it."""
    world.controller.define(definition(settings=Settings(autostart=False)), "config")

    facts = world.controller.facts("web")
    assert (facts.want, facts.phase) == ("down", "idle")


def test_settings_change_without_a_restart(world):
    """The jail runs on, and the next daemon knows the new settings."""
    world.controller.define(definition(), "config")
    asked = len(world.keeper.asked)

    world.controller.change("web", ALWAYS, "config")
    world.controller.change("web", ALWAYS, "config")

    assert world.controller.facts("web").definition.settings == ALWAYS
    assert world.keeper.asked[asked:] == []
    assert world.events[-1] == "web changed by=config"
    assert [known.definition.settings for known in world.site.definitions.load()] == [ALWAYS]


def test_a_jail_that_is_defined_again_takes_its_bundle_at_the_next_start(world):
    """What runs is not touched."""
    world.controller.define(definition(), "config")
    world.controller.define(definition()._replace(bundle="/bundles/new"), "config")
    assert world.keeper.asked == ["run web /bundles/web linux"]

    value(world.controller.restart("web", "uid:0"))

    assert world.keeper.asked[-1] == "run web /bundles/new linux"


def test_what_cannot_be_written_changes_nothing(world):
    """A reload that a full disk refuses leaves the jail as it was."""
    world.controller.define(definition(), "config")
    os.rename(f"{world.directory}/jails", f"{world.directory}/elsewhere")

    with pytest.raises(InputOutput):
        world.controller.change("web", ALWAYS, "config")

    assert world.controller.facts("web").definition.settings == Settings()


def test_the_configuration_takes_no_jail_that_somebody_ran(world):
    """A jail of RUN is its caller's."""
    world.run()

    with pytest.raises(AlreadyExists):
        world.controller.define(definition(), "config")


def test_a_jail_of_the_configuration_is_not_deleted_otherwise(world):
    """It would be back at the next reload."""
    world.controller.define(definition(settings=Settings(autostart=False)), "config")

    for force in (False, True):
        error = error_of(world.controller.delete("web", "uid:0", force))
        assert (error.code, str(error)) == (
            "STATE",
            'jail "web" stands in the configuration; take it out there, and reload',
        )


def test_a_jail_that_left_the_configuration_is_stopped_and_forgotten(world):
    """It gets its time to stop; then nothing of it is left."""
    world.controller.define(definition(), "config")
    world.keeper.programs["web", ""].ignores.add(15)

    gone = world.controller.undefine("web", "config")
    world.reactor.turn()
    assert not has_fired(gone)
    world.reactor.turn(10.1)

    value(gone)
    assert world.controller.jails() == []
    assert list(world.site.definitions.load()) == []
    with pytest.raises(NoSuchJail):
        world.controller.undefine("web", "config")


def test_the_next_daemon_knows_that_it_was_configured(world):
    """So a reload can tell what is no longer in the files."""
    world.controller.define(definition(), "config")

    world.make_daemon()

    assert world.controller.configured() == ["web"]
