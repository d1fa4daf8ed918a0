"""What every runtime does, on every runtime that this machine has."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from runjd.errors import RunjdError, Unsupported, WrongState
from runjd.runtime.choose import choose
from runjd.runtime.contract import Held, Runtime, Undo
from runjd.runtime.memory import MemoryRuntime
from runjd.spec.model import Config, Linux, Rlimit, Seccomp
from runjd.spec.resources import Resources
from tests.runtime.driver import STANDARD_NAMESPACES, Driver, bare_config, config, make_root, mounts, shell, tree


class Subject(NamedTuple):
    """A runtime under test, and where its bundle is."""

    runtime: Runtime
    driver: Driver
    bundle: str

    def config(self, script: str = "exit 0", **changes: Any) -> Config:
        """Return a configuration that the runtime can apply."""
        return config(script, **changes) if self.runtime.isolated else bare_config(script, **changes)


@pytest.fixture(params=[pytest.param("linux", marks=pytest.mark.root), "plain", "memory"])
def subject(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Subject]:
    runtime = MemoryRuntime() if request.param == "memory" else choose(request.param)
    root = os.path.join(private_dir, "rootfs")
    os.mkdir(root)
    if request.param == "linux":
        make_root(root)
    before = mounts(), tree(root)

    yield Subject(runtime, Driver(runtime), private_dir)

    assert (mounts(), tree(root)) == before


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for what must come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)


def test_plan_is_a_value(subject: Subject) -> None:
    """Two plans of one bundle are equal, those of two bundles are not."""
    first, again = (subject.runtime.plan(subject.config(), subject.bundle, "a") for _ in range(2))

    assert first == again
    assert hash(first.jail_steps) == hash(again.jail_steps)
    assert first != subject.runtime.plan(subject.config("exit 1"), subject.bundle, "a")


def test_plan_is_readable(subject: Subject) -> None:
    """Every step prints as a sentence for a person."""
    plan = subject.runtime.plan(subject.config(), subject.bundle, "a")

    for step in (*plan.host_steps, *plan.jail_steps):
        assert " " in str(step)
        assert "(" not in str(step).split()[0]


def test_plan_touches_nothing(subject: Subject) -> None:
    """A plan can be made of a bundle that does not exist."""
    assert subject.runtime.plan(subject.config(), "/nonexistent/bundle", "a").id == "a"


def test_isolation_is_told(subject: Subject) -> None:
    """A runtime without isolation says so in every plan, one with isolation does not."""
    notices = subject.runtime.plan(subject.config(), subject.bundle, "a").notices

    assert any("without isolation" in each for each in notices) is not subject.runtime.isolated


@pytest.mark.parametrize(
    ("path", "changes"),
    [
        ("linux.seccomp.defaultAction", {"linux": {"seccomp": Seccomp("SCMP_ACT_NOTIFY")}}),
        ("linux.intelRdt", {"linux": {"unapplied": ("intelRdt",)}}),
        ("windows", {"foreign": ("windows",)}),
    ],
)
def test_what_cannot_be_applied_is_refused(subject: Subject, path: str, changes: dict[str, object]) -> None:
    """A property that no embedded runtime applies fails the plan, and the error names its JSON path."""
    with pytest.raises(Unsupported) as caught:
        subject.runtime.plan(subject.config(**changes), subject.bundle, "a")

    assert caught.value.path == path


def test_limits_are_applied_or_refused(subject: Subject) -> None:
    """Without control groups a limit fails the plan, and the error names its JSON path."""
    limited = subject.config(linux={"resources": {"pids": {"limit": 10}}})
    if subject.runtime.name == "linux":
        assert subject.runtime.plan(limited, subject.bundle, "a")
        return

    with pytest.raises(Unsupported) as caught:
        subject.runtime.plan(limited, subject.bundle, "a")

    assert caught.value.path == "linux.resources.pids"


def test_usual_resources_are_let_through(subject: Subject) -> None:
    """The device rules that every engine sends are no limit."""
    linux = Linux(STANDARD_NAMESPACES, resources={"devices": [{"allow": False, "access": "rwm"}], "pids": {}})

    assert subject.runtime.plan(subject.config()._replace(linux=linux), subject.bundle, "a")


def test_program_runs(subject: Subject) -> None:
    """The program of the bundle runs, and its exit status is that of the init process."""
    assert subject.driver.run(subject.config("echo here; exit 7"), subject.bundle) == (7, "here\n")


def test_signal_reaches_init(subject: Subject) -> None:
    """A signal goes to the init process."""
    held = _running(subject, "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.01; done")

    subject.runtime.signal(held, 15, False)

    assert subject.driver.finish(held.pid) == (3, "got it\n")
    subject.runtime.remove(held)


def test_created_jail_can_be_killed(subject: Subject) -> None:
    """A jail that was never started dies by SIGKILL."""
    held = subject.driver.create(subject.config(), subject.bundle)

    subject.runtime.signal(held, 9, False)

    assert subject.driver.finish(held.pid)[0] == -9
    subject.runtime.remove(held)


def test_signal_of_a_gone_init_is_an_error(subject: Subject) -> None:
    """Nobody is signalled where the init process is gone."""
    held = _running(subject, "echo up")
    subject.driver.finish(held.pid)

    with pytest.raises(WrongState):
        subject.runtime.signal(held, 9, False)
    subject.runtime.remove(held)


@pytest.mark.parametrize("change", [{"start_time": 1}, {"boot_id": "another"}])
def test_stranger_is_never_signalled(subject: Subject, change: dict[str, object]) -> None:
    """A process that has the pid but another start time, or of another boot, is left alone."""
    held = _running(subject, "echo up; sleep 60")
    # without its control groups, in which no stranger is
    stranger = held._replace(undo=(), **change)  # type: ignore[arg-type]

    with pytest.raises(WrongState):
        subject.runtime.signal(stranger, 9, False)
    subject.runtime.remove(stranger)
    assert subject.runtime.processes(stranger) == ()

    assert held.pid in subject.runtime.processes(held)
    subject.driver.end(held)


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_nonsense_pid_is_never_signalled(subject: Subject, pid: int) -> None:
    """A record with a pid that means more than one process, or init, signals nobody."""
    held = Held("a", pid, 0, "", "")

    with pytest.raises(WrongState):
        subject.runtime.signal(held, 0, True)
    subject.runtime.remove(held)


def test_processes_are_those_of_the_jail(subject: Subject) -> None:
    """The init process and its children are listed by the host's pids, and nobody else."""
    held = _running(subject, "sleep 60 & sleep 60 & echo up; wait")

    until(lambda: len(subject.runtime.processes(held)) == 3)
    assert held.pid in subject.runtime.processes(held)
    assert os.getpid() not in subject.runtime.processes(held)

    subject.driver.end(held)
    assert subject.runtime.processes(held) == ()


def test_everyone_is_signalled(subject: Subject) -> None:
    """A signal for everyone reaches the children too."""
    held = _running(
        subject,
        "trap 'wait; echo init; exit' USR1;"
        "(trap 'echo child; exit' USR1; echo up; while :; do sleep 0.01; done) & while :; do sleep 0.01; done",
    )

    subject.runtime.signal(held, 10, True)

    # Some shells also say that their sleep was killed.
    words = subject.driver.finish(held.pid)[1].splitlines()
    assert [each for each in words if each in ("child", "init")] == ["child", "init"]
    subject.runtime.remove(held)


def test_whoever_is_left_is_signalled(subject: Subject) -> None:
    """What outlives the init process gets the signal; where nobody does nothing happens, to no stranger either."""
    held = _running(subject, "sleep 60 >/dev/null 2>&1 & echo up")
    subject.driver.finish(held.pid)

    subject.runtime.signal_rest(held, 9)

    until(lambda: subject.runtime.processes(held) == ())
    subject.runtime.signal_rest(held, 9)
    subject.runtime.signal_rest(held._replace(pid=os.getpid(), start_time=1), 9)
    subject.runtime.remove(held)


def test_removing_kills_what_is_left(subject: Subject) -> None:
    """Removing ends every process of a running jail, also one that ignores signals."""
    held = _running(subject, "trap '' TERM HUP; (trap '' TERM HUP; sleep 60) & echo up; wait")
    left = subject.runtime.processes(held)

    subject.driver.end(held)

    assert subject.runtime.processes(held) == ()
    assert not any(_lives(pid) for pid in left if pid != held.pid)


def test_removing_twice_is_no_error(subject: Subject) -> None:
    """What is gone can be removed again, by anybody."""
    held = _running(subject, "echo up")
    subject.driver.finish(held.pid)

    for _ in range(3):
        subject.runtime.remove(held)
    Driver(subject.runtime).end(held)


def test_exec_runs_in_the_jail(subject: Subject) -> None:
    """A process that joins is a child of the caller, and its status is its own."""
    held = _running(subject, "echo up; sleep 60")

    assert subject.driver.exec(held, shell("echo inside; exit 9")) == (9, "inside\n")
    assert subject.driver.exec(held, shell("exit 8")) == (8, "")

    subject.driver.end(held)


def test_exec_in_a_gone_jail_is_an_error(subject: Subject) -> None:
    """Nothing is forked where the init process is gone."""
    held = _running(subject, "echo up")
    subject.driver.finish(held.pid)

    with pytest.raises(WrongState):
        subject.driver.join(held, shell("exit 0"))
    subject.runtime.remove(held)


def test_exec_asks_for_what_can_be_applied(subject: Subject) -> None:
    """What cannot be applied is refused to an exec process before anything is forked."""
    held = subject.driver.create(subject.config(), subject.bundle)

    with pytest.raises(Unsupported):
        subject.driver.join(held, shell("exit 0", apparmor_profile="p"))

    subject.driver.end(held)


def test_failure_leaves_nothing(subject: Subject) -> None:
    """Where taking on the rights fails, the error names the property, and nothing is left."""
    broken = subject.config(process={"rlimits": (Rlimit("RLIMIT_NOFILE", 2**40, 2**40),)})
    if isinstance(subject.runtime, MemoryRuntime):
        subject.runtime.fails_at = "become"

    with pytest.raises(RunjdError) as caught:
        subject.driver.create(broken, subject.bundle)

    assert caught.value.code == "OCI"
    assert caught.value.details["path"].startswith("process")


def _running(subject: Subject, script: str) -> Held:
    """Return a jail whose program has said its first word."""
    held = subject.driver.create(subject.config(script), subject.bundle)
    subject.driver.start(held.pid)
    assert subject.driver.line(held.pid) == "up"
    return held


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_pausing_stops_and_resuming_goes_on(subject: Subject) -> None:
    """A paused jail says so and does nothing, a resumed one goes on; who cannot pause says that clearly."""
    held = _running(subject, "trap 'echo got it; exit 3' TERM; echo up; while :; do sleep 0.01; done")
    if subject.runtime.name != "linux":
        for call in (lambda: subject.runtime.pause(held, [].append), lambda: subject.runtime.resume(held)):
            with pytest.raises(Unsupported, match=f"not supported on the {subject.runtime.name} runtime"):
                call()
        assert not subject.runtime.is_paused(held)
        subject.driver.end(held)
        return
    undo: list[Undo] = []

    subject.runtime.pause(held, undo.append)
    held = held._replace(undo=(*held.undo, *undo))
    assert subject.runtime.is_paused(held)
    subject.runtime.signal(held, 15, False)
    subject.runtime.resume(held)

    assert not subject.runtime.is_paused(held)
    assert subject.driver.finish(held.pid) == (3, "got it\n")
    subject.runtime.remove(held)


def test_paused_jail_can_be_killed_and_removed(subject: Subject) -> None:
    """What is stopped dies all the same."""
    if subject.runtime.name != "linux":
        pytest.skip(f"the {subject.runtime.name} runtime cannot pause")
    for end in (lambda held: subject.runtime.signal(held, 9, False), subject.runtime.remove):
        held = _running(subject, "echo up; sleep 60")
        undo: list[Undo] = []
        subject.runtime.pause(held, undo.append)
        held = held._replace(undo=(*held.undo, *undo))

        end(held)

        assert subject.driver.finish(held.pid)[0] == -9
        subject.runtime.remove(held)


def test_limits_of_a_running_jail(subject: Subject) -> None:
    """They can be changed, also where it was made without any; who cannot says that clearly."""
    held = _running(subject, "echo up; read x; sleep 60 & sleep 60 & sleep 60 & sleep 60 & wait")
    limits = Resources(pids_limit=3)
    undo: list[Undo] = []
    if subject.runtime.name != "linux":
        with pytest.raises(Unsupported, match=f"not supported on the {subject.runtime.name} runtime"):
            subject.runtime.update(held, limits, undo.append)
    else:
        subject.runtime.update(held, limits, undo.append)
        groups = next(each.target for each in undo if each.action == "cgroup").split("\n")
        file = next(path for each in groups if os.path.exists(path := f"{each}/pids.max"))
        with open(file) as limit:
            assert limit.read() == "3\n"
    subject.driver.end(held._replace(undo=(*held.undo, *undo)))


def test_usage_counts_the_processes(subject: Subject) -> None:
    """It has the form of runc's statistics, with and without groups; who cannot count says that clearly."""
    held = _running(subject, "sleep 60 & echo up; wait")
    if subject.runtime.name != "linux":
        with pytest.raises(Unsupported, match=f"not supported on the {subject.runtime.name} runtime"):
            subject.runtime.usage(held)
    else:
        until(lambda: len(subject.runtime.processes(held)) == 2)
        assert subject.runtime.usage(held)["pids"] == {"current": 2}
    subject.driver.end(held)


def test_memory_is_watched_where_it_is_counted(subject: Subject) -> None:
    """Without a group that counts memory nobody can tell that it ran out, which is said clearly."""
    held = _running(subject, "echo up; sleep 60")

    with pytest.raises(Unsupported):
        subject.runtime.watch_memory(held)

    subject.driver.end(held)
