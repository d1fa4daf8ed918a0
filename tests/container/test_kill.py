"""``kill``: exactly that signal, to exactly that process."""

from __future__ import annotations

import json
import os
import signal

import pytest

from runjd.container.stdio import Fifos
from runjd.errors import NoSuchJail, WrongState
from tests.container.jails import Jails, read_until, until, wait

TRAP = ["sh", "-c", "trap 'echo got TERM; exit 3' TERM; echo ready; while :; do sleep 0.01; done"]


def test_a_signal_reaches_the_init_process(jails: Jails) -> None:
    """The program gets the signal that was sent."""
    io = Fifos("init", stdin=False)
    state = jails.create("web", TRAP, io=io, start=True)
    read_until(io.held["out"], "ready")

    jails.operations.kill("web", signal.SIGTERM)

    assert wait(state.pid) == 3
    assert "got TERM" in read_until(io.held["out"], "got TERM")


def test_a_created_container_can_be_killed(jails: Jails) -> None:
    """Before its start a container can be killed, too (OCI runtime specification, "Kill")."""
    state = jails.create("web", ["true"])

    jails.operations.kill("web", signal.SIGKILL)

    assert wait(state.pid) == -signal.SIGKILL
    assert jails.operations.state("web").status == "stopped"


def test_a_stopped_container_cannot_be_killed(jails: Jails) -> None:
    """Its status is told."""
    wait(jails.create("web", ["true"], start=True).pid)

    with pytest.raises(WrongState, match='cannot signal "web": it is stopped'):
        jails.operations.kill("web", signal.SIGTERM)


def test_a_zombie_is_stopped(jails: Jails) -> None:
    """An init that ended but was not waited for yet is stopped already."""
    state = jails.create("web", ["true"], start=True)
    until(lambda: jails.operations.state("web").status == "stopped", "the container is stopped")

    with pytest.raises(WrongState):
        jails.operations.kill("web", signal.SIGTERM)
    assert wait(state.pid) == 0


def test_an_unknown_container_cannot_be_killed(plain: Jails) -> None:
    """There is nobody to signal."""
    with pytest.raises(NoSuchJail):
        plain.operations.kill("web", signal.SIGTERM)


def test_everyone_is_signalled_when_asked(jails: Jails) -> None:
    """With everyone=True a grandchild gets the signal as well."""
    io = Fifos("init", stdin=False)
    child = "(trap 'echo child; exit' USR1; echo a; while :; do sleep 0.01; done) &"
    script = f"{child} trap 'echo init; exit' USR1; echo b; wait; wait"
    state = jails.create("web", ["sh", "-c", script], io=io, start=True)
    seen = read_until(io.held["out"], "a")
    if "b" not in seen:
        read_until(io.held["out"], "b")

    jails.operations.kill("web", signal.SIGUSR1, everyone=True)
    seen = read_until(io.held["out"], "init")
    if "child" not in seen and jails.runtime == "plain":
        read_until(io.held["out"], "child")

    wait(state.pid)


def test_whoever_is_left_of_everyone_is_signalled(jails: Jails) -> None:
    """Where init has ended that is no error, as with runc, also where nobody is left."""
    io = Fifos("init", stdin=False)
    state = jails.create("web", ["sh", "-c", "sleep 60 & echo $!; exec >&-"], io=io, start=True)
    read_until(io.held["out"], "\n")
    wait(state.pid)

    jails.operations.kill("web", signal.SIGKILL, everyone=True)
    jails.operations.kill("web", signal.SIGKILL, everyone=True)

    with pytest.raises(WrongState):
        jails.operations.kill("web", signal.SIGKILL)


@pytest.mark.parametrize("change", [{"start_time": 1}, {"boot_id": "another"}])
def test_a_stranger_is_never_signalled(sessions: Jails, change: dict[str, object]) -> None:
    """A pid that was given away, or belongs to an earlier boot, is not believed (design decision 8)."""
    state = sessions.create("web", ["sleep", "60"], start=True)
    _change(sessions, change)

    assert sessions.operations.state("web").status == "stopped"
    with pytest.raises(WrongState):
        sessions.operations.kill("web", signal.SIGKILL)
    sessions.operations.delete("web")

    assert os.waitpid(state.pid, os.WNOHANG) == (0, 0)
    os.kill(state.pid, signal.SIGKILL)
    wait(state.pid)


def _change(jails: Jails, change: dict[str, object]) -> None:
    path = f"{jails.state_dir}/web/state.json"
    with open(path) as file:
        record = json.load(file)
    with open(path, "w") as file:
        json.dump(record | change, file)
