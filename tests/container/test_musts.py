"""
The MUSTs of the runtime specification's runtime.md and config.md, one test for each.

They are numbered as we count them; what a runtime must do is shown on each of ours.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import pytest

from runjd.container.operations import Operations
from runjd.container.state import to_document
from runjd.container.stdio import Fifos
from runjd.errors import AlreadyExists, BadArgument, NoSuchJail, RunjdError, SpecError, WrongState
from runjd.keeper.preload import preload
from runjd.runtime.choose import RUNTIMES
from runjd.runtime.linux.features import features
from runjd.runtime.memory import MemoryRuntime
from runjd.spec.parse import parse_config
from runjd.spec.version import OLDEST, VERSION
from tests.container.hooked import PHASES, Hooked
from tests.container.jails import Jails, read_all, until, wait
from tests.functional.runj.command import Runj

SLEEP = ["sleep", "60"]


@pytest.fixture(params=["plain", "memory", pytest.param("linux", marks=pytest.mark.root)])
def each(request: pytest.FixtureRequest, private_dir: str) -> Iterator[Jails]:
    """Return containers of each runtime, the one in memory included."""
    made = Jails(private_dir, request.param, RUNTIMES | {"memory": MemoryRuntime})
    yield made
    made.finish()


def _create(jails: Jails, bundle: str, *, start: bool = False) -> int:
    io = jails.keep(Fifos("init", stdin=False))
    return jails.operations.create("web", bundle, io, runtime=jails.runtime, start=start).pid


def _environment(jails: Jails) -> tuple[object, ...]:
    with open("/proc/self/mountinfo") as file:
        mounts = file.read()
    below = sorted(f"{where}/{name}" for where, dirs, files in os.walk(jails.directory) for name in (*dirs, *files))
    return mounts, below, sorted(os.listdir("/proc/self/fd")), os.listdir(f"/proc/{os.getpid()}/task")


def test_the_creator_can_do_everything_with_its_container(each: Jails) -> None:
    """MUST 1: whoever created a container can run all operations on it, be he root or not."""
    if each.runtime != "linux" and os.geteuid() == 0:
        os.chmod(each.directory, 0o1777)
        bundle = each.bundle(SLEEP)
        # the interpreter may lie where only root can read
        preload()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                os.setgid(65534)
                os.setuid(65534)
                operations = Operations(each.state_dir, RUNTIMES | {"memory": MemoryRuntime}, lambda: 1.0)
                io = Fifos("init", stdin=False)
                operations.create("web", bundle, io, runtime=each.runtime)
                _all_operations(operations)
                status = 0
            finally:
                os._exit(status)
        assert wait(child) == 0
    else:
        _create(each, each.bundle(SLEEP))
        _all_operations(each.operations)
        os.waitpid(-1, 0)


def _all_operations(operations: Operations) -> None:
    operations.state("web")
    operations.start("web")
    operations.kill("web", signal.SIGKILL)
    until(lambda: operations.state("web").status == "stopped", "it is stopped")
    operations.delete("web")


def test_the_state_has_what_the_schema_asks_for(each: Jails) -> None:
    """MUST 2: version, id, status and absolute bundle always, pid while there is one; four statuses."""
    bundle = each.bundle(SLEEP)
    pid = _create(each, bundle)
    seen = [to_document(each.operations.state("web"))]
    each.operations.start("web")
    seen.append(to_document(each.operations.state("web")))
    os.kill(pid, signal.SIGKILL)
    wait(pid)
    seen.append(to_document(each.operations.state("web")))

    assert [state["status"] for state in seen] == ["created", "running", "stopped"]
    assert [state.get("pid") for state in seen] == [pid, pid, None]
    for state in seen:
        assert json.loads(json.dumps(state)) == state
        assert (state["ociVersion"], state["id"], state["bundle"]) == (VERSION, "web", os.path.abspath(bundle))


def test_the_state_of_nothing_is_an_error(private_dir: str) -> None:
    """MUST 3: no id, or one of no container."""
    runj = Runj(Jails(private_dir, "plain"))

    assert "ID" in runj.fails("state")
    assert runj.fails("state", "web").startswith('no jail named "web"')


def test_create_needs_an_id_and_a_bundle(each: Jails) -> None:
    """MUST 4: without one, with an id that is taken or illegal, nothing is created."""
    runj = Runj(each)
    os.mkdir(f"{each.directory}/empty")
    if each.runtime != "memory":
        assert "ID" in runj.fails("create")
        assert "there is no config.json in the bundle" in runj.fails("create", "web", f"{each.directory}/empty")
    with pytest.raises(BadArgument):
        each.create("../web", SLEEP)
    pid = _create(each, each.bundle(SLEEP))
    with pytest.raises(AlreadyExists):
        _create(each, each.bundle(["true"]))

    assert [state.id for state in each.operations.list()] == ["web"]
    assert each.operations.state("web").pid == pid
    each.operations.delete("web")
    wait(pid)
    os.rmdir(f"{each.directory}/empty")


def test_create_applies_everything_but_runs_nothing(each: Jails) -> None:
    """MUST 5: the environment is there when create returns; the program is not executed before start."""
    hooked = Hooked(each)
    options = {"hostname": "must5"} if each.runtime == "linux" else {}
    place = "/log" if each.runtime == "linux" else hooked.directory
    bundle = hooked.bundle(["sh", "-c", f"echo run >{place}/ran; exec sleep 60"], {}, **options)

    pid = _create(each, bundle)

    if each.runtime == "linux":
        with open(f"/proc/{pid}/mountinfo") as file:
            assert {"/", "/proc", "/dev", "/sys", "/log"} <= {line.split()[4] for line in file}
    assert os.listdir(hooked.directory) == []
    each.operations.start("web")
    assert hooked.wait_for("ran") == "run\n"


def test_what_cannot_be_applied_leaves_no_container(each: Jails) -> None:
    """MUST 6: an error that names it, and the environment as if create had never been asked for."""
    bundle = each.write(each.config(SLEEP) | {"vm": {"kernel": {"path": "/k"}}})
    each.operations.delete("web", force=True)
    os.makedirs(each.state_dir, 0o700)
    before = _environment(each)

    with pytest.raises(SpecError, match="vm: is for another platform"):
        each.operations.create("web", bundle, Fifos("init", stdin=False), runtime=each.runtime)

    assert _environment(each) == before


def test_later_edits_have_no_effect(each: Jails) -> None:
    """MUST 7: the program, the hooks of later and an exec are those of the document as it was at create."""
    hooked = Hooked(each)
    bundle = hooked.bundle(["sh", "-c", "exec sleep 61"], {"poststop": [hooked.hook("poststop")]})
    pid = _create(each, bundle)
    with open(f"{bundle}/config.json", "w") as file:
        file.write("{}")

    each.operations.start("web")
    until(lambda: "61" in _command(pid), "the program of before runs")
    assert each.operations.process("web").args == ("sh", "-c", "exec sleep 61")
    each.operations.delete("web", force=True)

    assert hooked.phases() == ["poststop"]
    wait(pid)


@pytest.mark.parametrize("phase", PHASES[:3])
def test_hooks_of_create_run_in_order_and_a_failure_ends_it(each: Jails, phase: str) -> None:
    """MUST 8: prestart, createRuntime, createContainer, as listed; a failure stops and destroys, then poststop."""
    hooked = Hooked(each)
    hooks = {name: [hooked.hook(f"{name}.1"), hooked.hook(f"{name}.2")] for name in PHASES}
    hooks[phase].insert(1, hooked.hook(f"{phase}.fails", "exit 1"))

    with pytest.raises(RunjdError, match=rf"hooks.{phase}\[1\]"):
        _create(each, hooked.bundle(SLEEP, hooks))

    ran = [f"{name}.{number}" for name in PHASES[: PHASES.index(phase)] for number in (1, 2)]
    assert hooked.phases() == [*ran, f"{phase}.1", f"{phase}.fails", "poststop.1", "poststop.2"]
    assert os.listdir(each.state_dir) == []


def test_start_is_for_what_is_created(each: Jails) -> None:
    """MUST 9: startContainer, program, poststart, in that order; an error and no effect in every other status."""
    hooked = Hooked(each)
    place = "/log" if each.runtime == "linux" else hooked.directory
    program = f"echo program >>{place}/lines; exec sleep 60"
    slowly = "while ! grep -q program LOG/lines; do :; done"
    hooks = {"startContainer": [hooked.hook("startContainer")], "poststart": [hooked.hook("poststart", slowly)]}
    bundle = hooked.bundle(["sh", "-c", program], hooks)
    if each.runtime != "memory":
        assert "ID" in Runj(each).fails("start")
    with pytest.raises(NoSuchJail):
        each.operations.start("web")
    pid = _create(each, bundle)

    each.operations.start("web")

    assert hooked.phases()[0] == "startContainer"
    assert set(hooked.phases()[1:]) == {"program", "poststart"}
    with pytest.raises(WrongState, match="it is running"):
        each.operations.start("web")
    assert each.operations.state("web").pid == pid
    os.kill(pid, signal.SIGKILL)
    wait(pid)
    with pytest.raises(WrongState, match="it is stopped"):
        each.operations.start("web")
    assert len(hooked.phases()) == 3


def test_a_container_without_a_process_is_refused_at_once(each: Jails) -> None:
    """MUST 9: where there is no process, start could only fail; create says so, as runc does."""
    config = each.config(SLEEP)
    del config["process"]

    with pytest.raises(SpecError, match="process: is missing"):
        _create(each, each.write(config))


def test_kill_is_for_what_has_a_process(each: Jails) -> None:
    """MUST 10: that signal, to the process, in created and running; else an error and no effect."""
    if each.runtime != "memory":
        assert "ID" in Runj(each).fails("kill")
    with pytest.raises(NoSuchJail):
        each.operations.kill("web", signal.SIGTERM)
    io = Fifos("init", stdin=False)
    each.create("web", ["sh", "-c", "trap 'echo got USR1; exit 3' USR1; echo ready; while :; do :; done"], io=io)
    each.operations.kill("web", signal.SIGWINCH)
    assert each.operations.state("web").status == "created"
    pid = each.operations.start("web").pid
    written = ""
    while "ready" not in written:
        written += read_all(io.held["out"])

    each.operations.kill("web", signal.SIGUSR1)

    assert wait(pid) == 3
    assert read_all(io.held["out"]) == "got USR1\n"
    with pytest.raises(WrongState, match="it is stopped"):
        each.operations.kill("web", signal.SIGTERM)


def test_delete_takes_all_that_create_made_and_nothing_else(each: Jails) -> None:
    """MUST 11: only where it is stopped (or created, as every engine needs it); the id is free then."""
    if each.runtime != "memory":
        assert "ID" in Runj(each).fails("delete")
    with pytest.raises(NoSuchJail):
        each.operations.delete("web")
    mounts = [{"destination": "/made/for/it", "type": "tmpfs", "source": "tmpfs"}] if each.runtime == "linux" else []
    bundle = each.bundle(SLEEP, **({"mounts": mounts} if mounts else {}))
    os.makedirs(each.state_dir, 0o700)
    before = _environment(each)
    for _ in range(2):
        io = Fifos("init", stdin=False)
        pid = each.operations.create("web", bundle, io, runtime=each.runtime, start=True).pid
        with pytest.raises(WrongState, match="it is running"):
            each.operations.delete("web")
        assert each.operations.state("web").status == "running"
        os.kill(pid, signal.SIGKILL)
        wait(pid)

        each.operations.delete("web")

        io.close()
        assert _environment(each) == before


def test_poststop_hooks_run_before_delete_returns(each: Jails) -> None:
    """MUST 12: when all is gone; one that fails is a warning, and the rest runs."""
    hooked = Hooked(each)
    hooks = {"poststop": [hooked.hook("1", "exit 1"), hooked.hook("2"), {"path": "/no/such"}, hooked.hook("3")]}
    pid = _create(each, hooked.bundle(SLEEP, hooks))

    each.operations.delete("web")

    assert hooked.phases() == ["1", "2", "3"]
    assert [warning.split(":")[0] for warning in each.operations.warnings] == ["hooks.poststop[0]", "hooks.poststop[2]"]
    wait(pid)


def test_errors_leave_everything_as_it_was(each: Jails) -> None:
    """MUST 13: whatever is refused in whatever status, state, process and host are as before."""
    bundle = each.bundle(SLEEP)
    pid = _create(each, bundle, start=True)
    before = each.operations.state("web"), _environment(each)

    for wrong in (
        lambda: each.operations.start("web"),
        lambda: each.operations.delete("web"),
        lambda: each.operations.kill("db", signal.SIGTERM),
        lambda: each.operations.create("web", bundle, Fifos("x", stdin=False), runtime=each.runtime),
        lambda: each.operations.create("db", "/nowhere", Fifos("x", stdin=False), runtime=each.runtime),
    ):
        with pytest.raises(RunjdError):
            wrong()

    assert (each.operations.state("web"), _environment(each)) == before
    os.kill(pid, 0)


def test_hooks_are_checked_before_anything_is_done(each: Jails) -> None:
    """MUST 14: an absolute path, a timeout above 0; the state of each moment is told in test_hooks."""
    hook = {"path": "hook", "timeout": 0}
    bundle = each.write(each.config(SLEEP) | {"hooks": {"poststart": [hook]}})

    with pytest.raises(SpecError) as caught:
        _create(each, bundle)

    assert caught.value.path == "hooks.poststart[0].path"
    assert "hooks.poststart[0].timeout" in str(caught.value)
    assert os.listdir(each.state_dir) == []


BAD_CONFIGS: dict[str, tuple[str, object]] = {
    "ociVersion": ("ociVersion", "one"),
    "root": ("root", {}),
    "destination": ("mounts", [{"destination": "", "type": "tmpfs"}]),
    "cwd": ("process.cwd", "tmp"),
    "args": ("process.args", []),
    "duplicate limit": ("process.rlimits", [{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}] * 2),
    "unknown limit": ("process.rlimits", [{"type": "RLIMIT_NONE", "soft": 0, "hard": 0}]),
    "annotations": ("annotations", {"": "x"}),
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_invalid_values_are_errors_that_name_them(each: Jails, name: str) -> None:
    """MUST 15: nothing is created; unknown properties, though, are ignored."""
    path, value = BAD_CONFIGS[name]
    config = each.config(SLEEP) | {"org.example.unknown": 1}
    target = config
    *above, last = path.split(".")
    for key in above:
        found = target[key]
        assert isinstance(found, dict)
        target = found
    target[last] = value

    with pytest.raises(SpecError) as caught:
        _create(each, each.write(config))

    assert caught.value.path.startswith(path)
    assert os.listdir(each.state_dir) == []


def test_the_versions_of_the_features_document_are_accepted(each: Jails) -> None:
    """MUST 16: configurations of the oldest and the newest version, its hooks and its mount options."""
    document = features()
    assert (document["ociVersionMin"], document["ociVersionMax"]) == (OLDEST, VERSION)
    for version in (OLDEST, VERSION):
        pid = _create(each, each.write(each.config(SLEEP) | {"ociVersion": version}))
        assert each.operations.state("web").oci_version == version
        each.operations.delete("web")
        wait(pid)
    assert document["hooks"] == [*PHASES]
    hooks = {phase: [{"path": "/bin/true"}] for phase in PHASES}
    parsed = parse_config(json.dumps(each.config(SLEEP) | {"hooks": hooks}).encode(), "config.json").hooks
    assert all(len(found) == 1 for found in parsed)


def _command(pid: int) -> str:
    with open(f"/proc/{pid}/cmdline") as file:
        return file.read()
