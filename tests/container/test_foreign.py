"""State directories that are not as we left them, or not ours at all."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import pytest

from runjd.container import mark
from runjd.container.stdio import Fifos
from runjd.errors import AlreadyExists, InputOutput, NoSpace, NoSuchJail, RunjdError
from runjd.runtime.linux.cgroup.record import recorded
from tests.container.jails import Jails, wait


def _tree(path: str) -> list[str]:
    return sorted(os.path.join(where, each) for where, below, files in os.walk(path) for each in (*below, *files))


#: what lies in directories that somebody could name by --root
STRANGERS = {
    "files": ["passwd", "ssh/sshd_config"],
    "another runtime's": ["state.json", "exec.fifo"],
    "almost ours": ["state.json", "config.json", "io/init.out", "start.sock"],
    "a file of no meaning": ["x"],
}


@pytest.mark.parametrize("stranger", STRANGERS)
def test_a_directory_that_is_not_ours_is_never_cleared(plain: Jails, stranger: str) -> None:
    """Whichever operation is asked for, as if --root were /etc, its directories stay as they are."""
    for each in STRANGERS[stranger]:
        path = f"{plain.state_dir}/web/{each}"
        os.makedirs(os.path.dirname(path), 0o755, exist_ok=True)
        with open(path, "w") as file:
            file.write('{"id":"web","init_process_pid":1}')
    os.chmod(plain.state_dir, 0o755)
    before = _tree(plain.state_dir)

    with pytest.raises(AlreadyExists):
        plain.create("web", ["true"])
    for operation in (plain.operations.delete, plain.operations.state, plain.operations.start):
        with pytest.raises((NoSuchJail, InputOutput)):
            operation("web")
    with pytest.raises(InputOutput, match=r"web is no container of runj, and stays as it is; is --root right\?"):
        plain.operations.delete("web", force=True)
    assert plain.operations.list() == []

    assert _tree(plain.state_dir) == before
    for each in STRANGERS[stranger]:
        os.unlink(f"{plain.state_dir}/web/{each}")
    for where, below, _ in os.walk(f"{plain.state_dir}/web", topdown=False):
        for each in below:
            os.rmdir(f"{where}/{each}")
    os.rmdir(f"{plain.state_dir}/web")


def test_an_empty_directory_is_ours_only_if_it_is_closed_to_others(plain: Jails) -> None:
    """A home that is empty is not a container whose creator was killed at once."""
    os.makedirs(f"{plain.state_dir}/alice", 0o755)
    os.chmod(plain.state_dir, 0o755)
    os.chmod(f"{plain.state_dir}/alice", 0o755)

    with pytest.raises(InputOutput, match="is no container of runj"):
        plain.operations.delete("alice", force=True)

    os.chmod(f"{plain.state_dir}/alice", 0o700)
    plain.operations.delete("alice", force=True)
    assert os.listdir(plain.state_dir) == []


def test_what_the_boot_of_freebsd_leaves_of_a_container_does_not_stand_in_its_way(plain: Jails) -> None:
    """It empties /var/run but for directories, as that on which a read-only root was mounted."""
    os.makedirs(f"{plain.state_dir}/web/root", 0o700)
    os.makedirs(f"{plain.state_dir}/mail/root/etc", 0o700)
    for path in ("", "/web", "/mail"):
        os.chmod(f"{plain.state_dir}{path}", 0o700)

    plain.create("web", ["true"])
    with pytest.raises(AlreadyExists):
        plain.create("mail", ["true"])

    assert plain.operations.state("web").status == "created"
    plain.operations.delete("web", force=True)
    os.rmdir(f"{plain.state_dir}/mail/root/etc")
    plain.operations.delete("mail", force=True)
    assert os.listdir(plain.state_dir) == []


def test_a_link_is_no_container(plain: Jails) -> None:
    """Where it leads is none of ours."""
    os.makedirs(plain.state_dir, 0o700)
    os.makedirs(f"{plain.directory}/precious/below")
    os.symlink(f"{plain.directory}/precious", f"{plain.state_dir}/web")

    for call in (lambda: plain.operations.delete("web", force=True), lambda: plain.create("web", ["true"])):
        with pytest.raises(RunjdError, match="web is not a directory; move it away"):
            call()

    assert os.listdir(f"{plain.directory}/precious") == ["below"]
    os.unlink(f"{plain.state_dir}/web")


def test_a_root_that_is_a_file_is_named(plain: Jails) -> None:
    """Every operation says so, and the file stays."""
    with open(plain.state_dir, "w") as file:
        file.write("precious")

    with pytest.raises(RunjdError, match=f"the state directory {plain.state_dir}"):
        plain.create("web", ["true"])
    for call in (
        lambda: plain.operations.delete("web", force=True),
        lambda: plain.operations.state("web"),
        plain.operations.list,
    ):
        with pytest.raises(RunjdError, match=f"the state directory {plain.state_dir} is not a directory"):
            call()

    assert os.path.getsize(plain.state_dir) == 8
    os.unlink(plain.state_dir)


def _replace_by_directory(path: str) -> None:
    os.unlink(path)
    os.mkdir(path)


def _replace_by_fifo(path: str) -> None:
    os.unlink(path)
    os.mkfifo(path)


def _replace_by_link(path: str) -> None:
    os.unlink(path)
    os.symlink("/dev/zero", path)


def _truncate(path: str) -> None:
    os.truncate(path, 40)


@pytest.mark.parametrize("damage", [_replace_by_directory, _replace_by_fifo, _replace_by_link, _truncate, os.unlink])
def test_force_ends_the_init_of_a_damaged_record(jails: Jails, damage: object) -> None:
    """The mark names the init process, and the control groups, so that neither lives on unknown."""
    state = jails.create("web", ["sleep", "60"], start=True)
    groups = recorded(state.undo)
    assert callable(damage)
    damage(f"{jails.state_dir}/web/state.json")

    for call in (lambda: jails.operations.state("web"), lambda: jails.create("web", ["true"])):
        with pytest.raises(RunjdError):
            call()
    jails.operations.delete("web", force=True)

    assert wait(state.pid) == -signal.SIGKILL
    assert os.listdir(jails.state_dir) == []
    assert [each for each in groups if os.path.exists(each)] == []


def test_a_mark_that_is_damaged_too_is_still_a_mark(sessions: Jails) -> None:
    """Then the init cannot be known any more, but the directory goes."""
    state = sessions.create("web", ["sleep", "60"], start=True)
    for name in ("state.json", mark.NAME):
        with open(f"{sessions.state_dir}/web/{name}", "w") as file:
            file.write("{")

    sessions.operations.delete("web", force=True)

    assert os.listdir(sessions.state_dir) == []
    os.kill(state.pid, signal.SIGKILL)
    assert wait(state.pid) == -signal.SIGKILL


def test_a_record_of_before_the_reboot_stops_nobody(sessions: Jails) -> None:
    """Whoever has the pid now is a stranger; the container counts as stopped, and is deleted."""
    created = sessions.create("old", ["sleep", "60"])
    pid = os.fork()
    if pid == 0:
        os.execvp("sleep", ["sleep", "61"])
    path = f"{sessions.state_dir}/old/state.json"
    with open(path) as file:
        text = file.read()
    for before, after in ((created.boot_id, "another-boot"), (f'"pid":{created.pid}', f'"pid":{pid}')):
        assert before in text.replace(": ", ":")
        text = text.replace(": ", ":").replace(before, after)
    with open(path, "w") as file:
        file.write(text)

    assert sessions.operations.state("old").status == "stopped"
    sessions.operations.delete("old", force=True)

    os.kill(pid, 0)
    for each in (pid, created.pid):
        os.kill(each, signal.SIGKILL)
        wait(each)


@pytest.fixture
def small_disk(private_dir: str) -> Iterator[Jails]:
    """Return containers whose state directory is on a disk of 40 KiB."""
    os.mkdir(f"{private_dir}/disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k,mode=700", "none", f"{private_dir}/disk"], check=True)
    jails = Jails(private_dir, "linux")
    jails.state_dir = f"{private_dir}/disk/state"
    jails.operations = type(jails.operations)(jails.state_dir, jails.operations._runtimes, lambda: 1.0)
    yield jails
    jails.finish()
    subprocess.run(["umount", f"{private_dir}/disk"], check=True)


def _fill(jails: Jails) -> None:
    with open(f"{os.path.dirname(jails.state_dir)}/full", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1024))
        except OSError:
            return


@pytest.mark.root
def test_a_full_disk_fails_create_and_leaves_nothing(small_disk: Jails) -> None:
    """The error says that there is no space, and where."""
    _fill(small_disk)
    fds = os.listdir("/proc/self/fd")

    with pytest.raises(NoSpace, match=f"{small_disk.state_dir}.*no space left on device"):
        small_disk.create("web", ["sleep", "60"])

    assert os.listdir(small_disk.state_dir) == []
    assert os.listdir("/proc/self/fd") == fds


@pytest.mark.root
def test_a_full_disk_hinders_nobody_who_ends_a_container(small_disk: Jails) -> None:
    """It can be looked at, started, signalled and deleted."""
    io = small_disk.keep(Fifos("init", stdin=False))
    state = small_disk.operations.create("web", small_disk.bundle(["sleep", "60"]), io, runtime="linux")
    _fill(small_disk)

    assert small_disk.operations.state("web").status == "created"
    assert small_disk.operations.start("web").status == "running"
    small_disk.operations.kill("web", signal.SIGWINCH)
    small_disk.operations.delete("web", force=True)

    assert wait(state.pid) == -signal.SIGKILL
    assert os.listdir(small_disk.state_dir) == []
