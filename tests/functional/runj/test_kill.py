"""``runj kill``."""

import pytest

from tests.container.jails import until
from tests.functional.runj.command import Runj


@pytest.mark.parametrize("name", ["KILL", "SIGKILL", "kill", "9"])
def test_a_signal_is_given_by_name_or_number(plain: Runj, name: str) -> None:
    """With and without SIG, in either case."""
    plain.create("web", ["sleep", "60"])
    plain.ok("start", "web")

    plain.ok("kill", "web", name)

    until(lambda: plain.state("web")["status"] == "stopped", "it ends")


def test_the_default_is_term(runj: Runj) -> None:
    """Without a name SIGTERM is sent, which a program of its own pid namespace must want."""
    runj.create("web", ["sh", "-c", "trap exit TERM; while :; do sleep 0.01; done"])
    runj.ok("start", "web")
    until(lambda: runj("kill", "web").returncode == 1, "it ends")

    assert runj.fails("kill", "web") == 'cannot signal "web": it is stopped'


def test_all_processes_are_signalled(runj: Runj) -> None:
    """--all may stand behind the signal."""
    runj.create("web", ["sh", "-c", "sleep 60 & wait"])
    runj.ok("start", "web")

    runj.ok("kill", "web", "KILL", "--all")

    until(lambda: runj.state("web")["status"] == "stopped", "it ends")


def test_unknown_signals_are_refused(plain: Runj) -> None:
    """A near miss is named."""
    plain.create("web", ["true"])

    assert "did you mean" in plain.fails("kill", "web", "TREM")
    assert "signals are numbered from 1" in plain.fails("kill", "web", "0")
