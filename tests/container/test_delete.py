"""``delete``: everything that create made, and nothing else."""

from __future__ import annotations

import json
import os
import signal

import pytest

from runjd.container.operations import Operations
from runjd.container.stdio import Fifos
from runjd.errors import InputOutput, NoSuchJail, WrongState
from runjd.runtime.memory import MemoryRuntime
from tests.container.jails import Jails, read_until, until, wait


def test_a_stopped_container_is_deleted_and_its_id_free(jails: Jails) -> None:
    """Nothing is left in the state directory, and the id can be used again."""
    wait(jails.create("web", ["true"], start=True).pid)

    jails.operations.delete("web")

    assert os.listdir(jails.state_dir) == []
    assert jails.create("web", ["true"]).status == "created"


def test_a_created_container_is_deleted_with_its_init(jails: Jails) -> None:
    """The init that waits is killed; engines rely on it."""
    state = jails.create("web", ["true"])

    jails.operations.delete("web")

    assert wait(state.pid) == -signal.SIGKILL
    assert os.listdir(jails.state_dir) == []


def test_a_running_container_is_deleted_only_by_force(jails: Jails) -> None:
    """Without force it goes on; with force it is killed."""
    state = jails.create("web", ["sleep", "60"], start=True)

    with pytest.raises(WrongState, match='cannot delete "web": it is running; stop it first, or use --force'):
        jails.operations.delete("web")
    assert jails.operations.state("web").status == "running"
    jails.operations.delete("web", force=True)

    assert wait(state.pid) == -signal.SIGKILL
    assert os.listdir(jails.state_dir) == []


def test_what_takes_its_time_or_a_keeper_is_not_deleted_at_once(jails: Jails) -> None:
    """
    Hooks are a worker's, however their name is written.

    And whoever entered what nothing isolates may outlive it, so that only his parent can end him.
    """
    for name in ("hooks", "\\u0068\\u006Fo\\u006bs", "hook\\u0073"):
        wait(jails.create("web", ["true"], start=True).pid)
        with open(f"{jails.state_dir}/web/config.json", "r+", encoding="utf-8") as file:
            document = file.read().rstrip().removesuffix("}")
            file.seek(0)
            file.write(f'{document}, "{name}": {{"poststop": []}}}}')
        assert not jails.operations.delete_at_once("web", force=False)
        assert not jails.operations.delete_at_once("web")
        jails.operations.delete("web")
    wait(jails.create("web", ["true"], start=True).pid)

    is_done = jails.operations.delete_at_once("web", force=False)

    assert is_done == (jails.runtime != "plain")
    assert os.listdir(jails.state_dir) == ([] if is_done else ["web"])


def test_an_unknown_container_is_an_error_but_by_force(plain: Jails) -> None:
    """With force there is nothing to do, which is no error."""
    with pytest.raises(NoSuchJail):
        plain.operations.delete("web")

    plain.operations.delete("web", force=True)


def test_what_the_program_left_running_goes_with_it(jails: Jails) -> None:
    """A grandchild that outlives init is gone after delete."""
    io = Fifos("init", stdin=False)
    state = jails.create("web", ["sh", "-c", "sleep 60 & echo $!"], io=io, start=True)
    child = int(read_until(io.held["out"], "\n"))
    wait(state.pid)

    jails.operations.delete("web")

    if jails.runtime == "plain":
        until(lambda: not _runs(child), "the grandchild is gone")


def test_everything_the_runtime_made_is_undone(private_dir: str) -> None:
    """The undo values on record reach the runtime, those of the child included."""
    seen: list[object] = []

    class Recording(MemoryRuntime):
        def remove(self, held: object) -> None:
            seen.append([undo.target for undo in held.undo])  # type: ignore[attr-defined]
            super().remove(held)  # type: ignore[arg-type]

    jails = Jails(private_dir, "memory", {"memory": Recording})
    mounts = [{"destination": "/a", "type": "tmpfs"}, {"destination": "/b", "type": "tmpfs"}]
    config = jails.config(["true"]) | {"mounts": mounts}
    io = jails.keep(Fifos("init", stdin=False))
    state = jails.operations.create("web", jails.write(config), io, runtime="memory", start=True)
    wait(state.pid)

    jails.operations.delete("web")
    jails.finish()

    assert seen == [["make web", "mount /a", "mount /b"]]


def test_a_delete_that_fails_can_be_tried_again(private_dir: str) -> None:
    """When the runtime cannot undo, the record stays."""
    jails = Jails(private_dir, "memory", {"memory": MemoryRuntime})
    wait(jails.create("web", ["true"], start=True).pid)
    stuck = Operations(jails.state_dir, {"memory": lambda: MemoryRuntime("remove")}, lambda: 1.0)

    with pytest.raises(Exception, match="remove: the test wants it to fail"):
        stuck.delete("web")
    assert jails.operations.state("web").status == "stopped"

    jails.finish()
    assert os.listdir(jails.state_dir) == []


DAMAGES = {
    "empty": (b"", "is empty"),
    "truncated": (b'{"version":1,"id":"web","sta', "is not JSON"),
    "not ours": (b'["web"]', "is not a record of runj"),
    "no version": (b'{"id":"web","status":"running"}', "is not a record of runj"),
    "wrong type": (
        b'{"version":1,"id":"web","status":"running","pid":"7"}',
        'is not a record of runj ("pid" is no int)',
    ),
    "newer": (b'{"version":99,"id":"web","status":"running"}', "was written by a newer runj"),
    "nested without end": (b"[" * 100_000, "is not JSON (arrays and objects are nested too deeply)"),
    "binary": (b"\xff\xfe\0", "is not JSON"),
    "another's": (b'{"version":1,"id":"db","status":"running"}', 'is the record of another container, "db"'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_named_and_can_be_removed(plain: Jails, damage: str) -> None:
    """Every operation names the file and what removes it; delete --force does."""
    document, reason = DAMAGES[damage]
    plain.create("web", ["true"])
    path = f"{plain.state_dir}/web/state.json"
    with open(path) as file:
        pid = json.load(file)["pid"]
    with open(path, "wb") as file:
        file.write(document)

    for operation in (plain.operations.state, plain.operations.start, plain.operations.delete):
        with pytest.raises(InputOutput) as caught:
            operation("web")
        assert str(caught.value).startswith(f"{path} {reason}")
        assert str(caught.value).endswith("`runj delete --force web` removes what is left of it")
    assert plain.operations.list() == []
    plain.operations.delete("web", force=True)

    assert os.listdir(plain.state_dir) == []
    os.kill(pid, signal.SIGKILL)


def test_what_a_newer_version_wrote_is_still_understood_by_force(plain: Jails) -> None:
    """delete --force of a newer record uses what it can read of it, and kills the init."""
    state = plain.create("web", ["sleep", "60"], start=True)
    path = f"{plain.state_dir}/web/state.json"
    with open(path) as file:
        record = json.load(file)
    with open(path, "w") as file:
        json.dump(record | {"version": 2, "new": "things"}, file)

    plain.operations.delete("web", force=True)

    assert wait(state.pid) == -signal.SIGKILL


def test_a_link_in_the_state_directory_is_not_followed(plain: Jails) -> None:
    """Delete removes the link, not what it points to."""
    plain.create("web", ["true"])
    os.mkdir(f"{plain.directory}/precious")
    with open(f"{plain.directory}/precious/file", "w"):
        pass
    os.symlink(f"{plain.directory}/precious", f"{plain.state_dir}/web/link")
    os.symlink(f"{plain.directory}/precious", f"{plain.state_dir}/web/io/link")

    plain.operations.delete("web")

    assert os.listdir(f"{plain.directory}/precious") == ["file"]


def test_two_deletes_at_once_end_well(plain: Jails) -> None:
    """One deletes, the other finds nothing."""
    wait(plain.create("web", ["true"], start=True).pid)
    children = []
    for _ in range(5):
        pid = os.fork()
        if pid == 0:
            status = 2
            try:
                plain.operations.delete("web")
                status = 0
            except NoSuchJail:
                status = 1
            finally:
                os._exit(status)
        children.append(pid)

    assert sorted(wait(pid) for pid in children) == [0, 1, 1, 1, 1]


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
