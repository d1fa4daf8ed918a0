"""What exec processes start from is asked for once for each run of a jail."""

from twisted.internet.defer import succeed

from runjd.supervise.execdefaults import REMEMBERED, ExecDefaults
from tests.supervise.world import value


def test_one_run_is_asked_for_once():
    """The next run may have another process, as its bundle may have changed."""
    asked: list[str] = []

    def ask(jail):
        asked.append(jail)
        return succeed({"args": [f"/bin/{len(asked)}"], "cwd": "/"})

    defaults = ExecDefaults(ask)

    found = [value(defaults.find("web", pid)).args[0] for pid in (7, 7, 8, 7)]

    assert found == ["/bin/1", "/bin/1", "/bin/2", "/bin/1"]


def test_few_are_remembered():
    """Whoever was asked for last is forgotten last."""
    asked: list[str] = []

    def ask(jail):
        asked.append(jail)
        return succeed({"args": ["/bin/sh"], "cwd": "/"})

    defaults = ExecDefaults(ask)
    for number in range(REMEMBERED):
        value(defaults.find(f"jail{number}", 1))
    value(defaults.find("jail0", 1))
    value(defaults.find("another", 1))
    asked.clear()

    value(defaults.find("jail0", 1))
    value(defaults.find("jail1", 1))

    assert asked == ["jail1"]
