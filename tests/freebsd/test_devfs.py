"""Rules of devfs: of one mount, and of rulesets."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from runjd.kernel.freebsd.devfs import Rule

#: one that nobody uses
RULESET = 60_417


@pytest.fixture
def devfs(machine, directory):
    """Return a descriptor of a devfs that shows everything."""
    machine.kernel.nmount([("fstype", "devfs"), ("fspath", directory)])
    with machine.opened(directory) as descriptor:
        yield descriptor
        for rule in machine.kernel.rules(descriptor, RULESET):
            machine.kernel.delete_rule(descriptor, RULESET, rule.number)
    machine.kernel.unmount(directory)


def test_a_rule_acts_on_this_mount_at_once(machine, directory, devfs) -> None:
    """Hide everything, show null with another mode."""
    machine.kernel.apply_rule(devfs, Rule(hide=True))
    machine.kernel.apply_rule(devfs, Rule("null", hide=False, mode=0o600, uid=5))
    status = machine.kernel.stat(f"{directory}/null")

    assert machine.kernel.listdir(directory) == ["null"]
    assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o600, 5)


def test_rules_are_numbered_and_read_back(machine, devfs) -> None:
    """Without a number they are 100, 200, …; a number is taken once."""
    machine.kernel.add_rule(devfs, RULESET, Rule(hide=True))
    machine.kernel.add_rule(devfs, RULESET, Rule("null", hide=False))
    machine.kernel.add_rule(devfs, RULESET, Rule("zero", hide=False, mode=0o644, number=500))
    with pytest.raises(FileExistsError):
        machine.kernel.add_rule(devfs, RULESET, Rule("mem", hide=True, number=500))

    assert RULESET in machine.kernel.rulesets(devfs)
    assert machine.kernel.rules(devfs, RULESET) == [
        Rule(hide=True, number=100),
        Rule("null", hide=False, number=200),
        Rule("zero", hide=False, mode=0o644, number=500),
    ]


def test_a_ruleset_is_used_and_applied(machine, directory, devfs) -> None:
    """To use it changes nothing that is there, to apply it does."""
    machine.kernel.add_rule(devfs, RULESET, Rule(hide=True))
    machine.kernel.use_ruleset(devfs, RULESET)
    before = machine.kernel.listdir(directory)
    machine.kernel.apply_ruleset(devfs, RULESET)

    assert "null" in before
    assert machine.kernel.listdir(directory) == []


def test_a_ruleset_that_is_not_loaded_hides_nothing(machine, directory, devfs) -> None:
    """And is no error, so it must be looked for."""
    machine.kernel.apply_ruleset(devfs, RULESET)

    assert RULESET not in machine.kernel.rulesets(devfs)
    assert machine.kernel.rules(devfs, RULESET) == []
    assert "mem" in machine.kernel.listdir(directory)


def test_a_rule_that_is_not_there_cannot_be_deleted(machine, devfs) -> None:
    """ENOENT."""
    with pytest.raises(FileNotFoundError):
        machine.kernel.delete_rule(devfs, RULESET, 100)


def test_other_directories_have_no_rules(machine, directory) -> None:
    """ENOTTY."""
    with machine.opened(directory) as descriptor, pytest.raises(OSError, match=os.strerror(errno.ENOTTY)):
        machine.kernel.use_ruleset(descriptor, 4)
