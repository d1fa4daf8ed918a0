"""Hooks of jails that the keeper runs: its workers run them, in the time that a worker has, and what they ask for."""

import json
import os
import signal

import pytest

from runjd.keeper import messages
from tests.keeper.daemon import Failed
from tests.keeper.running import RunningKeeper

PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def _bundle(keeper: RunningKeeper, timeout: int | None = None, **scripts: str) -> str:
    """Return a bundle with a hook for each phase that notes the phase, and then runs the script for it."""
    limit = {} if timeout is None else {"timeout": timeout}
    path = keeper.bundle("web", "/bin/sleep", "1000")
    with open(f"{path}/config.json") as file:
        config = json.load(file)
    config["hooks"] = {
        phase: [
            {
                "path": "/bin/sh",
                "args": ["sh", "-c", f"echo {phase} >>{keeper.directory}/phases; {scripts.get(phase, '')}"],
                "env": ["PATH=/bin:/usr/bin"],
                **limit,
            }
        ]
        for phase in PHASES
    }
    with open(f"{path}/config.json", "w") as file:
        json.dump(config, file)
    return path


def _phases(keeper: RunningKeeper) -> list[str]:
    with open(f"{keeper.directory}/phases") as file:
        return file.read().split()


def test_the_hooks_of_a_jail_run(private_dir: str) -> None:
    """All phases, in their order; a poststop hook that fails stands in the keeper's log."""
    keeper = RunningKeeper(private_dir)
    daemon = keeper.greeted()

    daemon.run("web", _bundle(keeper, poststop="exit 3"))
    assert _phases(keeper) == [*PHASES[:5]]
    daemon.delete("web")

    assert _phases(keeper) == [*PHASES]
    assert daemon.exit("web")["signal"] == signal.SIGKILL
    with open(f"{private_dir}/keeper/log") as log:
        assert "delete of web: hooks.poststop[0]: run the hook: /bin/sh exited with status 3" in log.read()
    keeper.end()


@pytest.mark.parametrize("phase", PHASES[:5])
def test_a_hook_that_fails_fails_the_run(private_dir: str, phase: str) -> None:
    """The daemon hears which and why, and nothing is left."""
    keeper = RunningKeeper(private_dir)
    daemon = keeper.greeted()

    with pytest.raises(Failed, match=rf"hooks.{phase}\[0\]: run the hook.*status 3; it said \"no\""):
        daemon.run("web", _bundle(keeper, **{phase: "echo no; exit 3"}))

    assert _phases(keeper) == [*PHASES[: PHASES.index(phase) + 1], "poststop"]
    assert os.listdir(keeper.root) == []
    keeper.end()


@pytest.mark.parametrize("phase", PHASES[:5])
def test_a_hook_ends_with_the_worker_that_runs_it(private_dir: str, phase: str) -> None:
    """Hooks have the time of one operation; after it the hook is killed, and what was made is removed."""
    keeper = RunningKeeper(private_dir, "--worker-time", "1.5")
    daemon = keeper.greeted()

    with pytest.raises(Failed, match="TIMEOUT"):
        daemon.run("web", _bundle(keeper, **{phase: f"echo $$ >{private_dir}/hook; exec sleep 1000"}))

    with open(f"{private_dir}/hook") as file:
        hook = int(file.read())
    keeper.wait(lambda: not os.path.exists(f"/proc/{hook}"), "end of the hook")
    assert _phases(keeper)[-1] == "poststop"
    assert os.listdir(keeper.root) == []
    keeper.end()


@pytest.mark.parametrize("phase", PHASES)
def test_a_hook_may_take_as_long_as_its_own_timeout_says(private_dir: str, phase: str) -> None:
    """The time of an operation is longer by the timeouts of its hooks, whichever of them needs it."""
    keeper = RunningKeeper(private_dir, "--worker-time", "1.5")
    daemon = keeper.greeted()

    daemon.run("web", _bundle(keeper, timeout=30, **{phase: "sleep 2"}))
    daemon.delete("web")

    assert _phases(keeper) == [*PHASES]
    keeper.end()


def test_a_hook_is_killed_by_its_own_timeout_first(private_dir: str) -> None:
    """And the error is that of the hook, not of an operation that took too long."""
    keeper = RunningKeeper(private_dir, "--worker-time", "1.5")
    daemon = keeper.greeted()

    with pytest.raises(Failed, match="took longer than its timeout of 2 s"):
        daemon.run("web", _bundle(keeper, timeout=2, poststart="sleep 1000"))

    assert os.listdir(keeper.root) == []
    keeper.end()


def test_a_delete_is_told_when_its_hooks_take_too_long(private_dir: str) -> None:
    """The next one tries again."""
    keeper = RunningKeeper(private_dir, "--worker-time", "1.5")
    daemon = keeper.greeted()
    daemon.run("web", _bundle(keeper, poststop=f"test -e {private_dir}/quick || exec sleep 1000"))

    with pytest.raises(Failed, match="TIMEOUT"):
        daemon.do(messages.ask_delete, "web", True)
    with open(f"{private_dir}/quick", "w"):
        pass
    daemon.delete("web")

    assert os.listdir(keeper.root) == []
    keeper.end()
