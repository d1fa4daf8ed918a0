"""``start``: through the gate, once."""

from __future__ import annotations

import os
import select
import signal
import stat

import pytest

from runjd.container import gate
from runjd.container.report import EXECUTE
from runjd.container.stdio import Fifos
from runjd.errors import NoSuchJail, RunjdError, WrongState
from tests.container.jails import PATIENCE, Jails, read_all, wait


def test_a_container_is_started_once(jails: Jails) -> None:
    """A second start is refused, and changes nothing."""
    jails.create("web", ["sleep", "60"])
    started = jails.operations.start("web")

    with pytest.raises(WrongState, match='cannot start "web": it is running'):
        jails.operations.start("web")

    assert jails.operations.state("web") == started


def test_a_stopped_container_cannot_be_started(jails: Jails) -> None:
    """Its init is gone; it must be created again."""
    wait(jails.create("web", ["true"], start=True).pid)

    with pytest.raises(WrongState, match='cannot start "web": it is stopped'):
        jails.operations.start("web")


def test_an_unknown_container_cannot_be_started(plain: Jails) -> None:
    """The message says where it was looked for."""
    with pytest.raises(NoSuchJail, match=f'no jail named "web"; {plain.state_dir}/web does not exist'):
        plain.operations.start("web")


def test_of_many_starters_at_once_exactly_one_wins(plain: Jails) -> None:
    """Ten processes that start it at the same moment execute its program once."""
    io = Fifos("init", stdin=False)
    plain.create("web", ["sh", "-c", "echo once; exec sleep 60"], io=io)
    ready, go = os.pipe()
    children = []
    for _ in range(10):
        pid = os.fork()
        if pid == 0:
            status = 2
            try:
                os.close(go)
                os.read(ready, 1)
                plain.operations.start("web")
                status = 0
            except WrongState:
                status = 1
            finally:
                os._exit(status)
        children.append(pid)
    os.close(ready)
    os.close(go)

    assert sorted(wait(pid) for pid in children) == [0] + [1] * 9
    select.select([io.held["out"]], [], [], 10.0)  # it is not killed before it has said anything
    plain.operations.kill("web", signal.SIGKILL)
    wait(plain.operations.state("web").pid or _pid(plain))
    assert read_all(io.held["out"]) == "once\n"


def test_a_starter_that_dies_before_its_order_changes_nothing(jails: Jails) -> None:
    """Whoever connects to the gate and goes away leaves the container created."""
    jails.create("web", ["sleep", "60"])
    with _directory(jails) as fd:
        for _ in range(3):
            channel = gate.approach(fd)
            assert channel is not None
            channel.close()

    assert jails.operations.state("web").status == "created"
    assert jails.operations.start("web").status == "running"


def test_a_starter_that_dies_after_its_order_leaves_a_running_container(jails: Jails) -> None:
    """The record still says created, but everybody sees running."""
    jails.create("web", ["sleep", "60"])
    with _directory(jails) as fd:
        channel = gate.approach(fd)
        assert channel is not None
        channel.send(EXECUTE)
        channel.wait_executed()
        channel.close()

    assert jails.operations.state("web").status == "running"
    with pytest.raises(WrongState, match="it is running"):
        jails.operations.start("web")


def test_a_program_that_went_away_meanwhile_fails_start(jails: Jails) -> None:
    """Start reports why the program could not be executed, and the container is stopped."""
    bundle = jails.bundle(["/program"])
    root = f"{bundle}/rootfs" if jails.runtime == "linux" else jails.directory
    path = "/program" if jails.runtime == "linux" else f"{root}/program"
    os.symlink("/bin/sleep", f"{root}/program")
    if jails.runtime == "plain":
        bundle = jails.bundle([path])
    io = jails.keep(Fifos("init", stdin=False))
    state = jails.operations.create("web", bundle, io, runtime=jails.runtime)
    os.unlink(f"{root}/program")

    with pytest.raises(RunjdError, match=r'process.args\[0\]: exec: ".*program": no such file or directory'):
        jails.operations.start("web")

    wait(state.pid)
    assert jails.operations.state("web").status == "stopped"


def test_the_gate_of_a_long_path_works(private_dir: str) -> None:
    """The state directory may lie deeper than a socket's address has room for."""
    deep = f"{private_dir}/{'d' * 100}/{'e' * 100}"
    os.makedirs(deep)
    jails = Jails(deep, "plain")
    state = jails.create("x" * 200, ["true"])

    jails.operations.start("x" * 200)

    assert stat.S_ISSOCK(os.stat(f"{deep}/state/{'x' * 200}").st_mode) is False
    assert wait(state.pid) == 0
    jails.finish()


class _directory:
    def __init__(self, jails: Jails) -> None:
        self._path = f"{jails.state_dir}/web"

    def __enter__(self) -> int:
        self._fd = os.open(self._path, os.O_RDONLY)
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _pid(jails: Jails) -> int:
    import json

    with open(f"{jails.state_dir}/web/state.json") as file:
        return int(json.load(file)["pid"])


def test_looking_at_a_container_whose_init_is_stopped_waits_for_nobody(plain: Jails) -> None:
    """However often it is looked at before init takes note of it."""
    state = plain.create("web", ["sleep", "60"])
    os.kill(state.pid, signal.SIGSTOP)

    before = signal.signal(signal.SIGALRM, _too_late)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    try:
        assert {plain.operations.state("web").status for _ in range(40)} == {"created"}
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    os.kill(state.pid, signal.SIGCONT)
    assert plain.operations.start("web").status == "running"


def test_a_record_that_cannot_be_written_is_no_failed_start(plain: Jails) -> None:
    """The program runs; that the gate is passed says so without the record."""
    plain.create("web", ["sleep", "60"])
    os.mkdir(f"{plain.state_dir}/web/state.json.new")  # in the way, as a full disk would be

    assert plain.operations.start("web").status == "running"
    assert plain.operations.state("web").status == "running"
    os.rmdir(f"{plain.state_dir}/web/state.json.new")


def _too_late(number: int, frame: object) -> None:
    raise TimeoutError
