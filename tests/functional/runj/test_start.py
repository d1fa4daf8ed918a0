"""``runj start``."""

from tests.container.jails import until
from tests.functional.runj.command import Runj


def test_a_created_container_is_started(runj: Runj) -> None:
    """Its status goes from created to running to stopped."""
    runj.create("web", ["sleep", "60"])

    done = runj("start", "web")

    assert (done.returncode, done.stdout) == (0, "")
    assert runj.state("web")["status"] == "running"
    runj.ok("kill", "web", "KILL")
    until(lambda: runj.state("web")["status"] == "stopped", "it ends")
    assert "pid" not in runj.state("web")


def test_a_container_without_isolation_says_so(plain: Runj) -> None:
    """The operator is told at every start."""
    plain.create("web", ["sleep", "60"])

    assert "runj: web: runs without isolation" in plain("start", "web").stderr


def test_wrong_starts_are_refused(plain: Runj) -> None:
    """A second one, one of nothing, and one without an id."""
    plain.create("web", ["sleep", "60"])
    plain.ok("start", "web")

    assert plain.fails("start", "web") == 'cannot start "web": it is running'
    assert plain.fails("start", "db") == f'no jail named "db"; {plain.jails.state_dir}/db does not exist'
    assert plain.fails("start") == "ID is missing; usage: runj start ID"
