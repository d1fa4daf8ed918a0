"""``runj delete``."""

import os

from tests.container.jails import until
from tests.functional.runj.command import Runj


def test_a_stopped_container_is_deleted(runj: Runj) -> None:
    """Nothing of it is left, and its id is free."""
    runj.create("web", ["true"])
    runj.ok("start", "web")
    until(lambda: runj.state("web")["status"] == "stopped", "it ends")

    runj.ok("delete", "web")

    assert os.listdir(runj.jails.state_dir) == []
    runj.create("web", ["true"])


def test_a_running_container_needs_force(runj: Runj) -> None:
    """--force may stand behind the id."""
    runj.create("web", ["sleep", "60"])
    runj.ok("start", "web")

    assert runj.fails("delete", "web") == 'cannot delete "web": it is running; stop it first, or use --force'
    runj.ok("delete", "web", "--force")
    runj.ok("delete", "--force", "web")

    assert runj.ok("list", "-q") == ""


def test_an_unknown_container_is_an_error(plain: Runj) -> None:
    """The words "does not exist" are what podman looks for."""
    assert "does not exist" in plain.fails("delete", "web")


def test_a_damaged_record_can_be_deleted_by_force(plain: Runj) -> None:
    """The message says how."""
    plain.create("web", ["true"])
    pid = plain.state("web")["pid"]
    assert isinstance(pid, int)
    with open(f"{plain.jails.state_dir}/web/state.json", "w") as file:
        file.write("{")

    assert "`runj delete --force web` removes what is left of it" in plain.fails("state", "web")
    plain.ok("delete", "--force", "web")
    os.kill(pid, 9)

    assert plain.ok("list", "-q") == ""
