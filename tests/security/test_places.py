"""
Paths that another local user controls: they are not followed and not written through.

The operator, root, is made to name a place of the user nobody: as the root of the
state, as console socket, as pid file.
"""

from __future__ import annotations

import _socket
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.runtime.driver import tree
from tests.security.hostile import Hostile

pytestmark = pytest.mark.root

NOBODY = 65534


@pytest.fixture
def theirs(private_dir: str) -> str:
    """Return a directory of nobody's."""
    os.chmod(private_dir, 0o755)
    path = f"{private_dir}/theirs"
    os.mkdir(path)
    os.chown(path, NOBODY, NOBODY)
    return path


@pytest.fixture
def treasure(private_dir: str) -> Iterator[str]:
    """Return a directory of root's whose content must not change."""
    path = f"{private_dir}/treasure"
    os.makedirs(f"{path}/alice/mail")
    os.chmod(path, 0o700)
    with open(f"{path}/alice/letter", "w") as file:
        file.write("dear bob")
    before = tree(path)

    yield path

    assert tree(path) == before
    with open(f"{path}/alice/letter") as file:
        assert file.read() == "dear bob"


@pytest.mark.parametrize(
    "root", ["theirs", "theirs/made", "theirs/link", "theirs/link/alice", "sticky/link", "open/new"]
)
@pytest.mark.parametrize("verb", ["create", "delete", "delete --force", "state", "list"])
def test_no_state_is_kept_where_strangers_lead(
    hostile: Hostile, theirs: str, treasure: str, root: str, verb: str
) -> None:
    """Neither in their directory nor where their link leads is anything made, or taken for a container and removed."""
    os.symlink(treasure, f"{theirs}/link")
    for name, mode in (("sticky", 0o1777), ("open", 0o777)):
        os.mkdir(f"{hostile.directory}/{name}")
        os.chmod(f"{hostile.directory}/{name}", mode)
    os.symlink(treasure, f"{hostile.directory}/sticky/link")
    os.lchown(f"{hostile.directory}/sticky/link", NOBODY, NOBODY)
    bundle = ["-b", hostile.jails.bundle(["true"])] if verb == "create" else []
    before = tree(theirs)

    done = hostile.runj(
        "--root", f"{hostile.directory}/{root}", *verb.split(), *bundle, *(["alice"] * (verb != "list"))
    )

    # what is not there holds no container, wherever it is not
    assert done.returncode != 0 or (done.stdout.count("\n") < 2 and verb in ("list", "delete --force"))
    assert tree(theirs) == before


@pytest.mark.parametrize("verb", ["create", "delete", "delete --force", "kill", "state", "start"])
def test_a_directory_of_others_is_no_container(hostile: Hostile, treasure: str, verb: str) -> None:
    """A --root that is a slip of the operator's does not cost him what lies there."""
    bundle = ["-b", hostile.jails.bundle(["true"])] if verb == "create" else []

    assert hostile.runj("--root", treasure, *verb.split(), *bundle, "alice").returncode != 0


def test_a_pid_file_is_not_written_through(hostile: Hostile, theirs: str, treasure: str) -> None:
    """A link, a hard link or a FIFO in its place is replaced; what it led to stays."""
    for number, make in enumerate(
        (
            lambda path: os.symlink(f"{treasure}/alice/letter", path),
            lambda path: os.link(f"{treasure}/alice/letter", path),
            lambda path: os.mkfifo(path),
            lambda path: None,
        )
    ):
        path = f"{theirs}/pid{number}"
        make(path)
        bundle = hostile.jails.bundle(["sleep", "60"])
        hostile.runj.ok("create", "--pid-file", path, "-b", bundle, f"web{number}")

        found = os.lstat(path)
        assert stat.S_ISREG(found.st_mode)
        assert (found.st_uid, found.st_nlink) == (0, 1)
        with open(path) as file:
            assert int(file.read()) == hostile.runj.state(f"web{number}")["pid"]
        os.unlink(path)


@pytest.mark.parametrize("verb", ["create", "run"])
def test_a_strangers_console_socket_gets_no_terminal(hostile: Hostile, theirs: str, verb: str) -> None:
    """Who listens there is not root: the terminal is not sent, and there is no container."""
    path = f"{theirs}/console"
    with _listening(path) as received:
        bundle = hostile.jails.bundle(["true"], terminal=True)
        message = hostile.runj.fails(verb, "--console-socket", path, "-b", bundle, "web")

    assert f"is listened on by user {NOBODY}" in message
    assert received == [b"nothing"]
    assert not os.path.exists(f"{hostile.jails.state_dir}/web")


@contextmanager
def _listening(path: str) -> Iterator[list[bytes]]:
    """Let nobody listen on a socket meanwhile; at the end the list holds what came."""
    ready, told = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(NOBODY, NOBODY, NOBODY)
            listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
            listener.bind(path)
            listener.listen(1)
            os.write(ready[1], b"x")
            fd, _ = listener._accept()  # type: ignore[attr-defined]
            data, rights, _, _ = _socket.socket(fileno=fd).recvmsg(4096, _socket.CMSG_SPACE(4))
            os.write(told[1], b"a terminal" if rights else data or b"nothing")
        finally:
            os._exit(0)
    received: list[bytes] = []
    try:
        os.read(ready[0], 1)
        yield received
        received.append(os.read(told[0], 100))
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        for fd in (*ready, *told):
            os.close(fd)


def test_roots_console_socket_gets_it(hostile: Hostile) -> None:
    """The operator's own listener does, by a path that is too long for an address, too."""
    deep = f"{hostile.directory}/{'deep/' * 30}"
    os.makedirs(deep)
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    before = os.open(".", os.O_PATH)
    os.chdir(deep)
    listener.bind("console")
    os.fchdir(before)
    os.close(before)
    listener.listen(1)

    hostile.runj.ok(
        "create", "--console-socket", f"{deep}console", "-b", hostile.jails.bundle(["true"], terminal=True), "web"
    )

    fd, _ = listener._accept()  # type: ignore[attr-defined]
    accepted = _socket.socket(fileno=fd)
    name, rights, _, _ = accepted.recvmsg(4096, _socket.CMSG_SPACE(4))
    accepted.close()
    listener.close()
    os.close(int.from_bytes(rights[0][2][:4], "little"))
    assert name == b"/dev/pts/0"
