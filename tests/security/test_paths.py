"""What others might put where the daemon and the keeper write: links, other names of files, FIFOs, devices."""

from __future__ import annotations

import os
import stat

import pytest

from runjd.container.own import open_file
from runjd.container.stdio import open_fifo, reopen
from runjd.errors import InputOutput, RunjdError
from runjd.keeper import directories
from runjd.keeper.children import Child, Exit
from runjd.keeper.exits import ExitStore
from runjd.kernel.newfile import open_new
from runjd.logs.compression import compress
from runjd.logs.names import rotated
from runjd.logs.opening import open_log
from runjd.policy.facts import Definition
from runjd.policy.settings import LogRule
from runjd.supervise.definitions import Definitions, Known
from runjd.supervise.directories import lock_directory, make_directory
from runjd.supervise.wishes import Wish, Wishes

VICTIM = "what nobody may write to"


def _link(path: str, victim: str) -> None:
    os.symlink(victim, path)


def _dangling(path: str, victim: str) -> None:
    os.symlink(f"{victim}.new", path)


def _name(path: str, victim: str) -> None:
    os.link(victim, path)


def _fifo(path: str, victim: str) -> None:
    os.mkfifo(path)


def _directory(path: str, victim: str) -> None:
    os.mkdir(path)


def _device(path: str, victim: str) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))  # full(4): what is written there fails


OBSTACLES = [_link, _dangling, _name, _fifo, _directory, pytest.param(_device, marks=pytest.mark.root)]


@pytest.fixture
def victim(tmp_path) -> str:
    """Return a file outside that nobody may write to."""
    path = tmp_path / "victim"
    path.write_text(VICTIM)
    yield str(path)
    assert path.read_text() == VICTIM
    assert sorted(each.name for each in tmp_path.iterdir() if each.name.startswith("victim")) == ["victim"]


def _exit(pid: int) -> Child:
    child = Child("web", "", pid, 77, 3, True, "{}")
    child.exit = Exit(0, None, 1234.5, False)
    return child


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", ["web.json", "web.json.new"])
def test_records_of_jails(private_dir, victim, obstacle, name):
    """What stands in the place of a record, or of one that is begun, loses it or is refused; never followed or read."""
    obstacle(f"{private_dir}/{name}", victim)
    known = Known(Definition("web", "/bundles/web", "plain"), "up")
    definitions, wishes = Definitions(private_dir, "boot"), Wishes(private_dir)
    assert list(definitions.load()) == []
    assert wishes.load() == {}

    for write in (lambda: definitions.save(known), lambda: wishes.write({"web": Wish("up")})):
        try:
            write()
        except RunjdError:
            assert obstacle is _directory
            continue
        assert stat.S_ISREG(os.lstat(f"{private_dir}/web.json").st_mode)
        assert os.listdir(private_dir) == ["web.json"]


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", ["11-77.exit", "11-77.exit.new"])
def test_records_of_exits(private_dir, victim, obstacle, name):
    """The same, in the keeper's directory."""
    obstacle(f"{private_dir}/{name}", victim)
    fd = os.open(private_dir, os.O_RDONLY)
    store = ExitStore(fd, lambda text: None)
    try:
        store.save(_exit(11))
        assert stat.S_ISREG(os.lstat(f"{private_dir}/11-77.exit").st_mode)
        assert [child.pid for child in store.load()] == [11]
    except OSError:
        assert obstacle is _directory
    finally:
        os.close(fd)


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", ["lock", "socket", "socket.new", "spool.new", "exits"])
def test_the_directory_of_a_keeper(private_dir, victim, obstacle, name):
    """A keeper starts where that is harmless, else it says what is in its way; it follows nothing."""
    os.mkdir(f"{private_dir}/keeper", 0o700)
    obstacle(f"{private_dir}/keeper/{name}", victim)

    pid = os.fork()
    if pid == 0:  # it changes the working directory, and holds a lock
        try:
            fd = directories.open_private(f"{private_dir}/keeper")
            directories.lock(fd, "it")
            directories.open_private("exits", fd)
            directories.listen(fd, "it")
            os.close(directories.make_nameless(fd, 1 << 20))
        except (RunjdError, OSError):
            os._exit(3)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) in (0, 3)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_the_lock_of_a_daemon(private_dir, victim, obstacle):
    """Nothing but a file is locked, and nothing is written to what another name leads to."""
    obstacle(f"{private_dir}/lock", victim)

    with pytest.raises(InputOutput):
        lock_directory(private_dir)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_the_log_of_a_jail(private_dir, victim, obstacle):
    """Whoever can write to the directory of logs, as root in a jail that mounts it, gets nothing written elsewhere."""
    os.chmod(private_dir, 0o755)
    obstacle(f"{private_dir}/web.log", victim)

    with pytest.raises(OSError, match=r"web\.log|loop|levels|File exists|directory|No such device"):
        os.close(open_log(f"{private_dir}/web.log"))


@pytest.mark.parametrize("obstacle", OBSTACLES)
@pytest.mark.parametrize("name", ["web.log.1", "web.log.1.gz.part"])
def test_the_compressed_log_of_a_jail(private_dir, victim, obstacle, name):
    """What is in the place of a rotated log is not read, and of what is begun not written; no mode is changed."""
    before = os.stat(victim).st_mode
    if name != "web.log.1":
        with open(f"{private_dir}/web.log.1", "w", encoding="ascii") as file:
            file.write("a line\n")
        os.chmod(file.name, 0o777)
    obstacle(f"{private_dir}/{name}", victim)

    for each in rotated(f"{private_dir}/web.log"):
        try:
            compress(f"{private_dir}/web.log", each, LogRule(compress="gzip").compress)
        except OSError:
            continue
    assert os.stat(victim).st_mode == before


@pytest.mark.parametrize("obstacle", [_link, _dangling, _fifo, _directory])
def test_a_file_of_a_container(private_dir, victim, obstacle):
    """It is neither followed nor waited for."""
    obstacle(f"{private_dir}/config.json", victim)
    fd = os.open(private_dir, os.O_RDONLY)
    try:
        with pytest.raises(OSError, match=r"config\.json"):
            open_file("config.json", fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_the_fifo_of_a_jail(private_dir, victim, obstacle):
    """What a keeper opens again after the death of the one before is a FIFO, or is refused."""
    os.mkdir(f"{private_dir}/io", 0o700)
    obstacle(f"{private_dir}/io/init.out", victim)
    fd = os.open(private_dir, os.O_RDONLY)
    try:
        if obstacle is _fifo:
            for each in reopen(fd, "init").values():
                os.close(each)
            return
        with pytest.raises((InputOutput, OSError)):
            open_fifo(fd, "io/init.out")
    finally:
        os.close(fd)


def test_a_directory_that_a_stranger_can_exchange_is_refused(tmp_path):
    """That of the daemon may be fine: who owns one above it can put another in its place."""
    between = tmp_path / "between"
    between.mkdir()
    between.chmod(0o777)

    with pytest.raises(InputOutput, match="which others can exchange"):
        make_directory(f"{between}/state", 0o755)
    assert not (between / "state").exists()


@pytest.mark.parametrize("obstacle", OBSTACLES)
def test_a_file_that_is_made(private_dir, victim, obstacle):
    """Whatever had the name loses it; only a directory keeps it."""
    obstacle(f"{private_dir}/new", victim)
    try:
        fd = open_new(f"{private_dir}/new")
    except OSError:
        assert obstacle is _directory
        return
    os.write(fd, b"x")
    found = os.fstat(fd)
    os.close(fd)

    assert stat.S_ISREG(found.st_mode)
    assert (found.st_size, stat.S_IMODE(found.st_mode), found.st_nlink) == (1, 0o600, 1)
