"""Ptys: made inside the jail, sent outside."""

from __future__ import annotations

import _socket
import array
import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from runjd.container.stdio import Fifos, Terminal
from runjd.errors import BadArgument
from runjd.spec.model import ConsoleSize, Process
from tests.container.jails import Jails, read_until, wait


class Screen:
    """The side of a console socket that shows the terminal."""

    def __init__(self) -> None:
        self.ours, self.theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self.master = -1
        self.name = b""

    def take(self) -> None:
        """Receive the master."""
        self.name, rights, _, _ = self.ours.recvmsg(4096, _socket.CMSG_SPACE(16))
        assert len(rights) == 1
        found = array.array("i")
        found.frombytes(rights[0][2])
        assert len(found) == 1
        self.master = found[0]

    def size(self) -> tuple[int, int]:
        """Return rows and columns."""
        rows, columns, _, _ = struct.unpack("HHHH", fcntl.ioctl(self.master, termios.TIOCGWINSZ, bytes(8)))
        return rows, columns

    def close(self) -> None:
        """Close everything."""
        self.ours.close()
        self.theirs.close()
        if self.master >= 0:
            os.close(self.master)


@pytest.fixture
def screen() -> Iterator[Screen]:
    """Return the showing side of a console socket."""
    made = Screen()
    yield made
    made.close()


def test_the_program_has_a_controlling_terminal(jails: Jails, screen: Screen) -> None:
    """Standard input, output and error are one terminal, whose foreground group is the program's."""
    script = "tty; test -t 0 && test -t 1 && test -t 2 && echo all; : > /dev/tty && echo controlling"
    state = jails.create("web", ["sh", "-c", script], io=Terminal(screen.theirs), start=True, terminal=True)
    screen.take()

    shown = read_until(screen.master, "controlling\r\n")

    assert "all\r\n" in shown
    assert wait(state.pid) == 0


@pytest.mark.root
def test_the_terminal_belongs_to_the_jails_own_devpts(private_dir: str, screen: Screen) -> None:
    """Inside it has the name /dev/pts/0, which is also what the socket tells."""
    jails = Jails(private_dir, "linux")
    state = jails.create(
        "web", ["sh", "-c", "tty; readlink /proc/self/fd/0"], io=Terminal(screen.theirs), terminal=True, start=True
    )
    screen.take()

    shown = read_until(screen.master, "/dev/pts/0\r\n/dev/pts/0\r\n")
    wait(state.pid)
    jails.finish()

    assert screen.name == b"/dev/pts/0"
    assert shown == "/dev/pts/0\r\n/dev/pts/0\r\n"


@pytest.mark.root
def test_a_jail_without_devpts_gets_a_terminal_of_the_host(private_dir: str, screen: Screen) -> None:
    """It works, though it has no name inside."""
    jails = Jails(private_dir, "linux")
    config = jails.config(["sh", "-c", "test -t 0 && echo works"], terminal=True)
    config["mounts"] = [each for each in config["mounts"] if each["destination"] != "/dev/pts"]  # type: ignore[union-attr,attr-defined]
    jails.operations.create("web", jails.write(config), Terminal(screen.theirs), runtime="linux", start=True)
    screen.take()

    assert read_until(screen.master, "\n") == "works\r\n"
    jails.finish()


@pytest.mark.root
def test_what_the_jail_put_in_the_place_of_ptmx_is_not_used(private_dir: str, screen: Screen) -> None:
    """A link or a FIFO at /dev/pts/ptmx is passed over, and blocks nobody."""
    jails = Jails(private_dir, "linux")
    config = jails.config(["sh", "-c", "test -t 0 && echo works"], terminal=True)
    config["mounts"] = [each for each in config["mounts"] if not each["destination"].startswith("/dev")]  # type: ignore[union-attr,attr-defined]
    bundle = jails.write(config)
    os.mkdir(f"{bundle}/rootfs/dev/pts")
    os.mkfifo(f"{bundle}/rootfs/dev/pts/ptmx")
    jails.operations.create("web", bundle, Terminal(screen.theirs), runtime="linux", start=True)
    screen.take()

    assert read_until(screen.master, "\n") == "works\r\n"
    jails.finish()


@pytest.mark.parametrize(
    ("given", "configured", "expected"),
    [((50, 132), None, (50, 132)), (None, (33, 99), (33, 99)), ((50, 132), (33, 99), (50, 132)), (None, None, (0, 0))],
)
def test_the_terminal_has_its_size_before_the_program_runs(
    jails: Jails,
    screen: Screen,
    given: tuple[int, int] | None,
    configured: tuple[int, int] | None,
    expected: tuple[int, int],
) -> None:
    """The size is that of whoever shows it, else process.consoleSize."""
    process = {"consoleSize": {"height": configured[0], "width": configured[1]}} if configured else None
    io = Terminal(screen.theirs, given)
    state = jails.create("web", ["stty", "size"], io=io, start=True, terminal=True, process=process)
    screen.take()

    if expected != (0, 0):
        assert read_until(screen.master, "\n").split() == [str(each) for each in expected]
    assert screen.size() == expected
    wait(state.pid)


def test_what_is_typed_is_read_and_control_c_interrupts(jails: Jails, screen: Screen) -> None:
    """The line discipline is the jail's: echo, lines, and SIGINT to the foreground."""
    script = "trap 'echo interrupted; exit 9' INT; echo ready; read line; echo got $line; while :; do sleep 0.01; done"
    state = jails.create("web", ["sh", "-c", script], io=Terminal(screen.theirs), start=True, terminal=True)
    screen.take()
    read_until(screen.master, "ready")

    os.write(screen.master, b"hello\r")
    read_until(screen.master, "got hello")
    os.write(screen.master, b"\x03")

    assert "interrupted" in read_until(screen.master, "interrupted")
    assert wait(state.pid) == 9


def test_a_created_container_has_sent_its_terminal(jails: Jails, screen: Screen) -> None:
    """The master is there when create returns, before the program runs (runc's console socket)."""
    jails.create("web", ["sh", "-c", "echo started; exec sleep 60"], io=Terminal(screen.theirs), terminal=True)
    screen.take()

    jails.operations.start("web")

    assert "started" in read_until(screen.master, "started")


def test_an_exec_process_has_a_terminal_of_its_own(jails: Jails, screen: Screen) -> None:
    """It is another one than that of the init process, also with a name inside."""
    jails.create("web", ["sleep", "60"], start=True)
    process = Process(
        ("sh", "-c", "tty; stty size"), env=("PATH=/bin:/usr/bin",), terminal=True, console_size=ConsoleSize(11, 44)
    )

    started = jails.operations.exec("web", process, Terminal(screen.theirs), "exec1")
    screen.take()
    shown = read_until(screen.master, "11 44\r\n")
    wait(started.pid)

    assert shown.startswith("/dev/pts/")


@pytest.mark.root
def test_the_terminal_belongs_to_the_user(private_dir: str, screen: Screen) -> None:
    """A user's program can open its terminal again by its name."""
    jails = Jails(private_dir, "linux")
    state = jails.create(
        "web",
        ["sh", "-c", "echo again > $(tty)"],
        io=Terminal(screen.theirs),
        terminal=True,
        start=True,
        uid=1000,
        gid=1000,
    )
    screen.take()

    assert read_until(screen.master, "\n") == "again\r\n"
    assert wait(state.pid) == 0
    jails.finish()


def test_the_end_of_the_program_hangs_up(jails: Jails, screen: Screen) -> None:
    """Nobody of ours holds the other side: after the last output comes the end."""
    state = jails.create("web", ["sh", "-c", "echo last"], io=Terminal(screen.theirs), start=True, terminal=True)
    screen.take()
    wait(state.pid)

    assert read_until(screen.master, "last\r\n") == "last\r\n"
    with pytest.raises(OSError, match="Input/output error"):
        os.read(screen.master, 1)


def test_a_socket_without_a_wish_for_a_terminal_is_refused(jails: Jails, screen: Screen) -> None:
    """The bundle must ask for it."""
    with pytest.raises(BadArgument, match="process.terminal is not true"):
        jails.create("web", ["true"], io=Terminal(screen.theirs))
    assert os.listdir(jails.state_dir) == []


def test_a_socket_that_is_gone_fails_create(jails: Jails, screen: Screen) -> None:
    """Whoever should show the terminal went away; nothing is left."""
    screen.ours.close()

    with pytest.raises(Exception, match="process.terminal: make a terminal: broken pipe|was killed before"):
        jails.create("web", ["true"], io=Terminal(screen.theirs), terminal=True)
    assert os.listdir(jails.state_dir) == []


def test_fifos_do_not_make_a_terminal(plain: Jails) -> None:
    """Where the bundle wants a terminal, FIFOs are refused."""
    with pytest.raises(BadArgument, match="process.terminal is true"):
        plain.create("web", ["true"], io=Fifos("init", stdin=True), terminal=True)
