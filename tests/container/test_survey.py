"""What a state directory tells to whoever remembers nothing."""

from __future__ import annotations

import json
import os
import signal

import pytest

from runjd.container import mark
from runjd.container.stdio import Fifos, Inherited
from runjd.container.survey import Survey
from tests.container.jails import Jails, read_until, until


def _change(jails: Jails, id: str, **changes: object) -> None:
    """Change the record of a container as it would be after something that cannot be had in a test."""
    path = f"{jails.state_dir}/{id}/state.json"
    with open(path, encoding="utf-8") as file:
        record = json.load(file)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(record | changes, file)


def test_what_lives_and_what_is_left_are_told_apart(jails: Jails) -> None:
    """What runs is live; what ended, and what was never started, is left; the known ones are passed over."""
    live = jails.create("live", ["sleep", "60"], start=True)
    jails.create("created", ["sleep", "60"])
    jails.create("known", ["sleep", "60"], start=True)
    ended = jails.create("ended", ["sleep", "60"], start=True)
    os.kill(ended.pid, signal.SIGKILL)
    os.waitpid(ended.pid, 0)

    found = jails.operations.survey({"known"})

    assert [(each.id, each.pid, each.start_time, each.boot_id) for each in found.live] == [
        ("live", live.pid, live.start_time, live.boot_id)
    ]
    assert found.left == ("created", "ended")


@pytest.mark.parametrize("change", [{"boot_id": "another"}, {"start_time": 1}])
def test_the_pid_of_another_boot_or_start_is_void(jails: Jails, change: dict[str, object]) -> None:
    """After a reboot, or where a stranger has the pid now, only something is left, and nobody is taken for it."""
    jails.create("web", ["sleep", "60"], start=True)
    before = jails.operations.state("web")
    _change(jails, "web", **change)

    assert jails.operations.survey(()) == Survey((), ("web",))

    _change(jails, "web", boot_id=before.boot_id, start_time=before.start_time)


def test_a_record_that_cannot_be_read_is_no_proof_of_an_end(jails: Jails) -> None:
    """Who lives by the mark of its directory, or where there is none, is unclear; who is dead by it is left over."""
    state = jails.create("web", ["sleep", "60"], start=True)
    with open(f"{jails.state_dir}/web/state.json", "r+", encoding="utf-8") as file:
        whole = file.read()
        file.truncate(20)
    assert jails.operations.survey(()) == Survey((), (), ("web",))
    os.kill(state.pid, signal.SIGKILL)
    os.waitpid(state.pid, 0)
    assert jails.operations.survey(()) == Survey((), ("web",))
    with open(f"{jails.state_dir}/web/{mark.NAME}", "w", encoding="utf-8"):
        pass

    assert jails.operations.survey(()) == Survey((), (), ("web",))

    with open(f"{jails.state_dir}/web/state.json", "w", encoding="utf-8") as file:
        file.write(whole)


def test_what_is_no_container_is_nothing(jails: Jails) -> None:
    """Neither a file, nor a link, nor a directory of somebody else."""
    jails.create("web", ["sleep", "60"], start=True)
    os.makedirs(f"{jails.state_dir}/strange/things")
    os.symlink("/etc", f"{jails.state_dir}/link")
    with open(f"{jails.state_dir}/file", "wb"):
        pass

    found = jails.operations.survey(())

    assert ([each.id for each in found.live], found.left) == (["web"], ())
    os.removedirs(f"{jails.state_dir}/strange/things")
    os.unlink(f"{jails.state_dir}/link")
    os.unlink(f"{jails.state_dir}/file")


def test_outputs_are_opened_again(jails: Jails) -> None:
    """Both, without blocking; what waits there is read, though all our ends were closed."""
    io = Fifos("init", stdin=False)
    jails.create("web", ["sh", "-c", "echo out; echo err >&2; exec sleep 60"], io=io, start=True)
    until(lambda: len(os.listdir(f"{jails.state_dir}/web/io")) == 2, "the FIFOs are there")
    for fd in io.held.values():
        os.close(fd)
    io.held.clear()

    held = jails.operations.reopen("web")

    try:
        assert not any(os.get_blocking(fd) or os.get_inheritable(fd) for fd in held.values())
        assert read_until(held["out"], "out\n") == "out\n"
        assert read_until(held["err"], "err\n") == "err\n"
    finally:
        for fd in held.values():
            os.close(fd)


def test_outputs_that_are_not_there_are_not_opened(jails: Jails) -> None:
    """A container that has its output elsewhere has none to be read again."""
    jails.create("web", ["sleep", "60"], io=Inherited(), start=True)

    assert jails.operations.reopen("web") == {}
