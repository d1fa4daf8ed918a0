"""Operations on one container at the same time: nobody waits for ever, and force gets its way."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from runjd.container.delete import Deletion
from runjd.container.destroy import Destruction
from runjd.container.stdio import Fifos
from runjd.container.store import Store
from runjd.errors import NoSuchJail, RunjdError, WrongState
from runjd.runtime.choose import choose
from tests.container.hooked import Hooked
from tests.container.jails import Jails, until, wait

SLEEP = ["sleep", "60"]
#: notes the pid of the hook, and hangs
HANG = "echo $$ >LOG/hanging; exec sleep 60"


@pytest.fixture
def hooked(jails: Jails) -> Hooked:
    """Return bundles with hooks."""
    return Hooked(jails)


def _in_child(call: Callable[[], object]) -> int:
    """Carry out a call in a child: 0 where it returns, 1 where it raises one of our errors."""
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            call()
            status = 0
        except RunjdError:
            status = 1
        finally:
            os._exit(status)
    return pid


def _create(jails: Jails, bundle: str, *, start: bool = False) -> None:
    io = jails.keep(Fifos("init", stdin=False))
    jails.operations.create("web", bundle, io, runtime=jails.runtime, start=start)


def _is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.mark.parametrize("phase", ["prestart", "createRuntime", "createContainer"])
def test_force_deletes_what_a_hanging_hook_keeps_in_the_making(hooked: Hooked, phase: str) -> None:
    """The init is killed, so the hook is pointless: create fails, undoes everything, and only then delete returns."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every(**{phase: HANG}))
    creator = _in_child(lambda: _create(jails, bundle))
    hooked.wait_for("hanging")

    assert jails.operations.state("web").status == "creating"
    with pytest.raises(WrongState, match="still being created"):
        jails.operations.delete("web")
    jails.operations.delete("web", force=True)

    assert os.listdir(jails.state_dir) == []
    assert hooked.phases()[-1] == "poststop"
    assert wait(creator) == 1


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("phase", ["startContainer", "poststart"])
def test_nobody_waits_for_a_hook_of_start(hooked: Hooked, phase: str, start: bool) -> None:
    """The container can be looked at, signalled and, by force, deleted, hook and all; who started it hears of it."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every(**{phase: HANG}))
    if start:
        starter = _in_child(lambda: _create(jails, bundle, start=True))
    else:
        _create(jails, bundle)
        starter = _in_child(lambda: jails.operations.start("web"))
    hooked.wait_for("hanging")

    assert jails.operations.state("web").status == "running"
    jails.operations.kill("web", signal.SIGWINCH)
    with pytest.raises(WrongState, match="it is running"):
        jails.operations.start("web")
    began = time.monotonic()
    jails.operations.delete("web", force=True)

    assert time.monotonic() - began < 10
    assert os.listdir(jails.state_dir) == []
    if phase == "poststart":
        # and that before delete returned, not only when its starter is
        assert _is_gone(int(hooked.wait_for("hanging")))
    assert wait(starter) == 1
    assert hooked.phases().count("poststop") == 1
    _reap()


def test_a_creator_that_is_killed_takes_its_hook_along(hooked: Hooked) -> None:
    """What it left is deleted, and the poststop hooks of that run, as the others had begun."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every(createRuntime=HANG))
    creator = _in_child(lambda: _create(jails, bundle))
    hook = int(hooked.wait_for("hanging"))

    os.kill(creator, signal.SIGKILL)
    wait(creator)

    until(lambda: _is_gone(hook), "the hook is gone")
    assert jails.operations.state("web").status == "stopped"
    jails.operations.delete("web", force=True)
    assert hooked.phases() == ["prestart", "createRuntime", "poststop"]
    assert os.listdir(jails.state_dir) == []


def test_a_child_whose_creator_is_killed_takes_its_hook_along(hooked: Hooked) -> None:
    """The hook that the child runs sees the same end."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, hooked.every(createContainer="sleep 59 & echo $! >LOG/hanging; wait"))
    creator = _in_child(lambda: _create(jails, bundle))
    hooked.wait_for("hanging")

    os.kill(creator, signal.SIGKILL)
    wait(creator)

    until(lambda: not _runs("sleep\0" + "59"), "the hook is gone with what it started")
    jails.operations.delete("web", force=True)
    assert os.listdir(jails.state_dir) == []


def test_a_starter_that_is_killed_changes_nothing_for_the_program(hooked: Hooked) -> None:
    """Its order stands: the hooks in the container run to their end, and the program is executed."""
    jails = hooked.jails
    bundle = hooked.bundle(SLEEP, {"startContainer": [hooked.hook("startContainer", "echo 1 >LOG/hanging; sleep 1")]})
    _create(jails, bundle)
    starter = _in_child(lambda: jails.operations.start("web"))
    hooked.wait_for("hanging")

    os.kill(starter, signal.SIGKILL)
    wait(starter)

    pid = jails.operations.state("web").pid
    until(lambda: _command(pid).startswith("sleep"), "the program runs")
    jails.operations.delete("web", force=True)
    _reap()


def test_force_gets_past_an_init_that_is_stopped(jails: Jails) -> None:
    """Whoever starts it waits for it, and hears that it was killed."""
    _create(jails, jails.bundle(SLEEP))
    pid = jails.operations.state("web").pid
    os.kill(pid, signal.SIGSTOP)
    starter = _in_child(lambda: jails.operations.start("web"))
    until(lambda: "S" in _state(starter), "the starter waits")

    jails.operations.kill("web", signal.SIGWINCH)
    jails.operations.delete("web", force=True)

    assert wait(starter) == 1
    assert wait(pid) == -signal.SIGKILL
    assert os.listdir(jails.state_dir) == []


def test_force_ends_what_others_wait_for(jails: Jails) -> None:
    """Whoever holds the container while a program of it does not come to its end lets go when the init is killed."""
    _create(jails, jails.bundle(SLEEP), start=True)
    pid = jails.operations.state("web").pid

    def hold() -> None:
        with Store(jails.state_dir).hold("web", shared=True):
            open(f"{jails.directory}/held", "w").close()
            until(lambda: _is_gone(pid), "the init was killed")

    holder = _in_child(hold)
    until(lambda: os.path.exists(f"{jails.directory}/held"), "the container is held")

    jails.operations.delete("web", force=True)

    assert os.listdir(jails.state_dir) == []
    assert wait(holder) == 0
    _reap()


def test_who_never_gets_the_container_is_told(plain: Jails) -> None:
    """The error says what to look for."""
    _create(plain, plain.bundle(SLEEP))
    store = Store(plain.state_dir)
    with store.hold("web"):
        deletion = Deletion(store, Destruction(store, lambda: None, print, print), choose, patience=0.05)
        with pytest.raises(WrongState, match='another operation is at work on "web" and does not end; look for the'):
            deletion.force("web")
        with store.look("web") as place, pytest.raises(WrongState, match="does not end"):
            place.lock(patience=0.05)

    plain.operations.delete("web", force=True)
    _reap()


def test_a_container_that_is_deleted_while_somebody_waits_for_it_is_gone(plain: Jails) -> None:
    """Both forced deletions succeed, a start finds nothing."""
    _create(plain, plain.bundle(SLEEP))
    with Store(plain.state_dir).hold("web") as place:
        deleters = [_in_child(lambda: plain.operations.delete("web", force=True)) for _ in range(3)]
        time.sleep(0.05)
        place.close()

    assert [wait(each) for each in deleters] == [0, 0, 0]
    with pytest.raises(NoSuchJail):
        plain.operations.start("web")
    _reap()


def test_a_start_keeps_what_others_wrote_meanwhile(hooked: Hooked) -> None:
    """The record that it changes at its end is the one of then, not the one it began with."""
    jails = hooked.jails
    slowly = "echo 1 >LOG/hanging; while [ ! -e LOG/go ]; do sleep 0.01; done"
    _create(jails, hooked.bundle(SLEEP, {"poststart": [hooked.hook("poststart", slowly)]}))
    starter = _in_child(lambda: jails.operations.start("web"))
    hooked.wait_for("hanging")
    with Store(jails.state_dir).hold("web") as place:
        before = place.read()
        assert before is not None
        place.write(before._replace(notices=("another operation was here",)))
    with open(f"{hooked.directory}/go", "w"):
        pass

    assert wait(starter) == 0
    with Store(jails.state_dir).look("web") as place:
        after = place.read()
    assert after is not None
    assert (after.status, after.due, after.notices) == ("running", (), ("another operation was here",))
    jails.operations.delete("web", force=True)
    _reap()


def _reap() -> None:
    """Reap the init processes that our operations forked here."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _state(pid: int) -> str:
    with open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]


def _runs(command: str) -> bool:
    return any(_command(int(each)).startswith(command) for each in os.listdir("/proc") if each.isdecimal())
