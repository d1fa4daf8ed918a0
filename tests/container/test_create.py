"""``create``: from a bundle to an init that waits, or to nothing at all."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable

import pytest

from runjd.container.operations import Operations
from runjd.container.stdio import Fifos, Inherited
from runjd.container.store import Store
from runjd.errors import AlreadyExists, BadArgument, RunjdError, SpecError, WrongState
from runjd.runtime.choose import RUNTIMES
from runjd.runtime.contract import Plan, Runtime, Undo
from runjd.runtime.memory import MemoryRuntime
from tests.container.jails import Jails, read_all, until, wait


def _fds() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def _mounts() -> str:
    with open("/proc/self/mountinfo") as file:
        return file.read()


def test_a_created_container_waits_for_its_start(jails: Jails) -> None:
    """Nothing of the program runs before start; afterwards its output and status are there."""
    io = Fifos("init", stdin=False)

    created = jails.create("web", ["sh", "-c", "echo here; exit 7"], io=io)

    assert created.status == "created"
    assert jails.operations.state("web") == created
    assert read_all(io.held["out"]) == ""

    running = jails.operations.start("web")

    assert (running.status, running.pid) == ("running", created.pid)
    assert wait(created.pid) == 7
    assert read_all(io.held["out"]) == "here\n"
    assert jails.operations.state("web").status == "stopped"


def test_create_and_start_in_one_go_returns_when_the_program_was_executed(jails: Jails) -> None:
    """With start=True the container runs when create returns."""
    state = jails.create("web", ["sleep", "60"], start=True)

    with open(f"/proc/{state.pid}/cmdline") as file:
        assert file.read().split("\0")[:2] == ["sleep", "60"]
    assert jails.operations.state("web").status == "running"


def test_the_record_holds_what_later_operations_need(jails: Jails) -> None:
    """The state tells the bundle's absolute path, its version and annotations."""
    config = jails.config(["sleep", "60"]) | {"annotations": {"org.example.a": "b"}, "ociVersion": "1.2.0"}
    bundle = jails.write(config)
    here = os.getcwd()
    os.chdir(os.path.dirname(bundle))
    try:
        io = jails.keep(Fifos("init", stdin=False))
        jails.operations.create("web", os.path.basename(bundle), io, runtime=jails.runtime)
    finally:
        os.chdir(here)

    state = jails.operations.state("web")

    assert (state.bundle, state.oci_version) == (bundle, "1.2.0")
    assert state.annotations == (("org.example.a", "b"),)
    assert abs(state.created - os.stat(f"{jails.state_dir}/web/state.json").st_mtime) < 5


def test_the_state_directory_is_closed_to_others(jails: Jails) -> None:
    """Root and container directories are 0700, files 0600."""
    jails.create("web", ["true"])

    for path, mode in {"": 0o700, "/web": 0o700, "/web/state.json": 0o600, "/web/config.json": 0o600}.items():
        assert stat.S_IMODE(os.stat(jails.state_dir + path).st_mode) == mode


def test_later_changes_of_the_bundle_have_no_effect(jails: Jails) -> None:
    """The container keeps a copy of its config.json (OCI runtime specification, "Create")."""
    io = Fifos("init", stdin=False)
    state = jails.create("web", ["sh", "-c", "echo first"], io=io)
    os.unlink(f"{state.bundle}/config.json")

    jails.operations.start("web")
    wait(state.pid)

    assert read_all(io.held["out"]) == "first\n"
    assert jails.operations.process("web").args == ("sh", "-c", "echo first")


@pytest.mark.parametrize("id", ["", "../x", ".", "..", "a/b", "a" * 201, "a\n", "\x1b[2J", "-x"])
def test_an_illegal_id_is_refused_before_anything_is_touched(plain: Jails, id: str) -> None:
    """An id that could be a path, an option or a terminal's command is no id."""
    with pytest.raises(BadArgument):
        plain.create(id, ["true"])

    assert not os.path.exists(plain.state_dir)


def test_an_id_is_taken_once(jails: Jails) -> None:
    """A second container of the same id is refused, the first is untouched."""
    first = jails.create("web", ["sleep", "60"])

    with pytest.raises(AlreadyExists, match='a jail named "web" exists already; delete it first'):
        jails.create("web", ["true"])

    assert jails.operations.state("web") == first


def test_of_many_creators_at_once_exactly_one_wins(plain: Jails) -> None:
    """Twenty processes that create the same id at the same moment make one container."""
    bundle = plain.bundle(["sleep", "60"])
    ready, go = os.pipe()
    children = []
    for _ in range(20):
        pid = os.fork()
        if pid == 0:
            status = 2
            try:
                os.close(go)
                os.read(ready, 1)
                plain.operations.create("web", bundle, Fifos("init", stdin=False), runtime="plain")
                status = 0
            except AlreadyExists:
                status = 1
            finally:
                os._exit(status)
        children.append(pid)
    os.close(ready)
    os.close(go)

    statuses = [wait(pid) for pid in children]

    assert sorted(statuses) == [0] + [1] * 19
    assert plain.operations.state("web").status == "created"


BAD_PROCESSES = {
    "missing program": (
        {"args": ["nonesuch"]},
        'process.args[0]: exec: "nonesuch": executable file not found in $PATH',
    ),
    "missing path": (
        {"args": ["/no/such"]},
        'process.args[0]: exec: "/no/such": stat /no/such: no such file or directory',
    ),
    "no rights": ({"args": ["/etc/passwd"]}, 'process.args[0]: exec: "/etc/passwd": permission denied'),
    "directory": ({"args": ["/etc"]}, 'process.args[0]: exec: "/etc": permission denied: it is a directory'),
    "cwd is a file": ({"cwd": "/etc/passwd"}, 'process.cwd: chdir to cwd ("/etc/passwd"): not a directory'),
    "empty path": (
        {"args": ["sh"], "env": ["PATH=/nowhere"]},
        'process.args[0]: exec: "sh": executable file not found in $PATH',
    ),
}


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("case", BAD_PROCESSES)
def test_a_program_that_cannot_be_executed_fails_create(jails: Jails, case: str, start: bool) -> None:
    """Already create says what is wrong with the program or its directory, and nothing is left."""
    process, message = BAD_PROCESSES[case]
    mounts, fds = _mounts(), _fds()

    with pytest.raises(RunjdError) as caught:
        jails.create("web", ["true"], process=process, start=start)

    assert str(caught.value) == message
    assert (os.listdir(jails.state_dir), _mounts(), _fds()) == ([], mounts, fds)


def test_a_missing_interpreter_is_told_when_it_is_executed(jails: Jails) -> None:
    """A script whose interpreter is missing fails with a hint, as the file itself is there."""
    bundle = jails.bundle(["/script"])
    root = f"{bundle}/rootfs" if jails.runtime == "linux" else jails.directory
    _write_script(f"{root}/script", "#!/no/such/interpreter\n")
    program = "/script" if jails.runtime == "linux" else f"{root}/script"
    bundle = bundle if jails.runtime == "linux" else jails.bundle([program])

    with pytest.raises(RunjdError, match="no such file or directory .*interpreter or loader is missing"):
        jails.operations.create("web", bundle, Fifos("init", stdin=False), runtime=jails.runtime, start=True)

    assert os.listdir(jails.state_dir) == []


def test_a_user_who_may_not_execute_the_program_is_told_so(jails: Jails) -> None:
    """The program is looked at with the rights of the process, not of root."""
    if os.geteuid() != 0:
        pytest.skip("needs root: only root can run a container as somebody else")
    bundle = jails.bundle(["/program"], uid=1000, gid=1000, process={"capabilities": {}})
    root = f"{bundle}/rootfs" if jails.runtime == "linux" else jails.directory
    _write_script(f"{root}/program", "#!/bin/sh\n", 0o700)
    if jails.runtime == "plain":
        os.chmod(jails.directory, 0o755)
        bundle = jails.bundle([f"{root}/program"], uid=1000, gid=1000)

    with pytest.raises(RunjdError, match=r"process.args\[0\]: .*permission denied"):
        jails.operations.create("web", bundle, Fifos("init", stdin=False), runtime=jails.runtime)


@pytest.mark.root
def test_a_missing_root_fails_create(private_dir: str) -> None:
    """The message names root.path and the directory that is missing."""
    jails = Jails(private_dir, "linux")
    mounts = _mounts()

    with pytest.raises(RunjdError, match=r"root.path.*/nowhere.*no such"):
        jails.create("web", ["true"], root="nowhere")

    assert (os.listdir(jails.state_dir), _mounts()) == ([], mounts)


@pytest.mark.root
def test_a_mount_that_cannot_be_made_leaves_the_host_as_it_was(private_dir: str) -> None:
    """The third mount fails: mounts, directories and processes are as before."""
    jails = Jails(private_dir, "linux")
    bad = {"destination": "/data", "type": "bind", "source": "/no/such/source", "options": ["rbind"]}
    bundle = jails.bundle(["true"], mounts=[bad])
    before = _mounts(), sorted(os.listdir(f"{bundle}/rootfs")), _fds()

    with pytest.raises(RunjdError, match=r"mounts\[6\].*/no/such/source"):
        jails.operations.create("web", bundle, Fifos("init", stdin=False), runtime="linux")

    assert (_mounts(), sorted(os.listdir(f"{bundle}/rootfs")), _fds()) == before
    assert os.listdir(jails.state_dir) == []


def test_a_broken_bundle_leaves_nothing(plain: Jails) -> None:
    """What is wrong with config.json is told with file and JSON path."""
    bundle = plain.write({"ociVersion": "1.0.0", "root": {"path": "r"}, "process": {"args": [], "cwd": "x"}})

    with pytest.raises(SpecError, match=rf"{bundle}/config.json: process.args: is empty"):
        plain.operations.create("web", bundle, Inherited(), runtime="plain")

    assert os.listdir(plain.state_dir) == []


def test_a_bundle_without_process_is_refused(plain: Jails) -> None:
    """There is nothing to run."""
    bundle = plain.write({"ociVersion": "1.0.0", "root": {"path": "r"}})

    with pytest.raises(SpecError, match="process: is missing"):
        plain.operations.create("web", bundle, Inherited(), runtime="plain")


def test_an_unsupported_property_names_its_path_and_file(plain: Jails) -> None:
    """What a runtime cannot apply is refused with the JSON path (design decision 6)."""
    bundle = plain.write(plain.config(["true"]) | {"hostname": "web"})

    with pytest.raises(SpecError) as caught:
        plain.operations.create("web", bundle, Inherited(), runtime="plain")

    assert (caught.value.path, caught.value.file) == ("hostname", f"{bundle}/config.json")
    assert caught.value.code == "UNSUPPORTED"


def test_an_unknown_runtime_is_refused_with_those_that_are_known(plain: Jails) -> None:
    """The message lists the runtimes."""
    with pytest.raises(BadArgument, match='unknown runtime "docker"; there are: .*linux, plain'):
        plain.operations.create("web", plain.bundle(["true"]), Inherited(), runtime="docker")


def test_a_terminal_that_nobody_gives_is_refused(plain: Jails) -> None:
    """process.terminal needs a console socket."""
    with pytest.raises(BadArgument, match="process.terminal is true"):
        plain.create("web", ["true"], terminal=True)

    assert os.listdir(plain.state_dir) == []


@pytest.mark.parametrize("step", ["prepare", "fork", "enter", "become"])
def test_a_failing_step_is_undone(private_dir: str, step: str) -> None:
    """Wherever it fails, what the runtime made is undone and no descriptor, file or process is left."""
    runtime = MemoryRuntime(step)
    jails = Jails(private_dir, "memory", {"memory": lambda: runtime})
    fds = _fds()

    with pytest.raises(RunjdError, match=f"{step}: the test wants it to fail"):
        jails.create("web", ["true"])

    assert (runtime.left, os.listdir(jails.state_dir), _fds()) == (set(), [], fds)
    assert runtime.calls[-1] == "remove"


def test_what_cannot_be_undone_is_kept_on_record(private_dir: str) -> None:
    """When undoing fails too, both failures are told, and a later delete can try again."""
    runtime = MemoryRuntime("prepare")
    jails = Jails(private_dir, "memory", {"memory": lambda: runtime})

    class Stubborn(MemoryRuntime):
        def remove(self, held: object) -> None:
            raise RunjdError("it is stuck")

    stubborn = Stubborn("prepare")
    operations = Operations(jails.state_dir, {"memory": lambda: stubborn}, lambda: 1.0)
    with pytest.raises(RunjdError, match=r"prepare: .*; undoing it failed too \(it is stuck\): `runj delete"):
        operations.create("web", jails.bundle(["true"]), Fifos("init", stdin=False), runtime="memory")

    state = jails.operations.state("web")
    assert (state.status, state.undo) == ("stopped", (Undo("forget", "make web"),))
    jails.operations.delete("web")
    assert os.listdir(jails.state_dir) == []


class LastWords(Fifos):
    """Kills its own process with SIGKILL when all is done."""

    def child_opened(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def _deadly(name: str, moment: str, marker: str) -> Runtime:
    """Return a runtime that kills its process with SIGKILL at a moment, or whose child waits for a file."""
    made = RUNTIMES[name]()
    fork, enter = made.fork, made.enter

    def prepare(plan: Plan, tell: Callable[[Undo], None]) -> None:
        if moment == "prepare":
            tell(Undo("rmdir", "/nowhere"))
            os.kill(os.getpid(), signal.SIGKILL)

    def fork_and_die(plan: Plan) -> int:
        pid = fork(plan)
        if pid and moment == "fork":
            os.kill(os.getpid(), signal.SIGKILL)
        return pid

    def wait_and_enter(plan: Plan, tell: Callable[[Undo], None]) -> None:
        if moment == "enter":
            until(lambda: os.path.exists(marker), "the creator was killed")
        enter(plan, tell)

    made.prepare = prepare  # type: ignore[method-assign]
    made.fork = fork_and_die  # type: ignore[method-assign]
    made.enter = wait_and_enter  # type: ignore[method-assign]
    return made


@pytest.mark.parametrize("moment", ["prepare", "fork", "enter"])
def test_a_creator_that_is_killed_leaves_what_can_be_deleted(jails: Jails, moment: str) -> None:
    """What is on record counts as stopped, its init ends by itself, and its id is free after delete."""
    bundle, name, marker = jails.bundle(["sleep", "60"]), jails.runtime, f"{jails.directory}/killed"
    operations = Operations(jails.state_dir, {name: lambda: _deadly(name, moment, marker)}, lambda: 1.0)
    creator = os.fork()
    if creator == 0:
        try:
            operations.create("web", bundle, Fifos("init", stdin=False), runtime=name)
        finally:
            os._exit(0)
    if moment == "enter":
        until(lambda: jails.operations.list(), "the child is on record")
        assert jails.operations.state("web").status == "creating"
        with pytest.raises(WrongState, match="still being created"):
            Operations(jails.state_dir, RUNTIMES, lambda: 1.0).kill("web", signal.SIGTERM)
        os.kill(creator, signal.SIGKILL)
    assert wait(creator) == -signal.SIGKILL
    with open(marker, "w"):
        pass

    # its child has a copy of the lock until it has closed what it does not need
    until(lambda: _statuses(jails) == [("stopped", 0)], "it counts as stopped")
    with pytest.raises(AlreadyExists):
        jails.create("web", ["true"])
    jails.operations.delete("web")
    until(lambda: _can_be_claimed(jails, "web"), "the id is free")
    assert jails.create("web", ["true"]).status == "created"


def test_a_creator_that_is_killed_at_the_end_leaves_a_created_container(jails: Jails) -> None:
    """Once it was recorded, the init waits for a start, whoever made it."""
    bundle = jails.bundle(["sleep", "60"])
    creator = os.fork()
    if creator == 0:
        try:
            jails.operations.create("web", bundle, LastWords("init", stdin=False), runtime=jails.runtime)
        finally:
            os._exit(0)

    assert wait(creator) == -signal.SIGKILL
    assert jails.operations.state("web").status == "created"
    assert jails.operations.start("web").status == "running"


def test_the_directory_of_a_creator_killed_at_once_is_taken_over(plain: Jails) -> None:
    """A directory without a record blocks nobody."""
    os.makedirs(f"{plain.state_dir}/web", 0o700)
    os.chmod(plain.state_dir, 0o700)

    assert plain.operations.list() == []
    assert plain.create("web", ["true"]).status == "created"
    plain.operations.delete("web")
    Store(plain.state_dir).claim("web").close()
    os.mkdir(f"{plain.state_dir}/web/io", 0o700)
    assert plain.create("web", ["true"]).status == "created"


def test_a_container_in_the_making_is_seen_as_creating(private_dir: str) -> None:
    """Others see `creating`, and cannot start, kill or exec in it."""
    seen: list[str] = []

    class Watched(MemoryRuntime):
        def prepare(self, plan: Plan, made: Callable[[Undo], None]) -> None:
            super().prepare(plan, made)
            seen.append(Operations(jails.state_dir, {}, lambda: 1.0).state("web").status)

    jails = Jails(private_dir, "memory", {"memory": lambda: Watched()})
    jails.create("web", ["true"])
    jails.finish()

    assert seen == ["creating"]


def test_an_init_that_dies_before_its_start_is_stopped(jails: Jails) -> None:
    """A created container whose init was killed by a stranger shows as stopped."""
    state = jails.create("web", ["sleep", "60"])

    os.kill(state.pid, signal.SIGKILL)
    until(lambda: jails.operations.state("web").status == "stopped", "the container is stopped")

    assert jails.operations.state("web").pid == 0
    assert wait(state.pid) == -signal.SIGKILL


def _statuses(jails: Jails) -> list[tuple[str, int]]:
    return [(state.status, state.pid) for state in jails.operations.list()]


def _can_be_claimed(jails: Jails, id: str) -> bool:
    try:
        Store(jails.state_dir).claim(id).close()
    except AlreadyExists:
        return False
    return True


def _write_script(path: str, text: str, mode: int = 0o755) -> None:
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
