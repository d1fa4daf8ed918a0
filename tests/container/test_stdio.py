"""FIFOs that outlive their readers, and the caller's own streams."""

from __future__ import annotations

import fcntl
import os
import signal
import stat

import pytest

from runjd.container.stdio import Either, Fifos, Inherited, Io, unlink_fifos
from runjd.errors import BadArgument
from runjd.spec.model import Process, User
from tests.container.jails import Jails, read_all, read_until, until, wait


def test_output_and_errors_come_apart(jails: Jails) -> None:
    """Each stream has a FIFO of its own."""
    status, out, err = jails.run(["sh", "-c", "echo out; echo err >&2; exit 4"])

    assert (status, out, err) == (4, "out\n", "err\n")


def test_stdin_is_empty_where_none_was_asked_for(jails: Jails) -> None:
    """The program reads end of file at once."""
    _, out, _ = jails.run(["sh", "-c", "cat; readlink /proc/self/fd/0"])

    assert out == "/dev/null\n"


def test_stdin_is_written_and_closed(jails: Jails) -> None:
    """What is written arrives; when the only writer closes, the program reads end of file."""
    io = Fifos("init", stdin=True)
    state = jails.create("web", ["cat"], io=io, start=True)

    os.write(io.held["in"], b"typed\n")
    assert read_until(io.held["out"], "typed\n") == "typed\n"
    os.close(io.held.pop("in"))

    assert wait(state.pid) == 0


def test_a_process_gets_a_terminal_if_and_only_if_it_wants_one() -> None:
    """What the caller offers must fit; of two offers only the one that fits is made."""
    made: list[Io] = []

    def make() -> Inherited:
        made.append(Inherited())
        return made[-1]  # type: ignore[return-value]

    def refuse() -> Io:
        raise BadArgument("nobody is there to look at it")

    either = Either(make, refuse)
    without = Process(args=("true",), cwd="/")

    assert either.fit(without) is made[0]
    with pytest.raises(BadArgument, match="nobody is there"):
        either.fit(without._replace(terminal=True))
    with pytest.raises(BadArgument, match="there is no terminal for it"):
        Inherited().fit(without._replace(terminal=True))
    assert len(made) == 1


def test_a_program_survives_the_death_of_its_readers(jails: Jails) -> None:
    """Nobody reads any more: the program gets no SIGPIPE, its output waits for the next reader."""
    io = Fifos("init", stdin=False)
    script = "echo one; while [ ! -e /tmp/go-$0 ]; do sleep 0.01; done; echo two; exec sleep 60"
    state = jails.create("web", ["sh", "-c", script, str(os.getpid())], io=io, start=True)
    read_until(io.held["out"], "one")
    for fd in io.held.values():
        os.close(fd)
    io.held.clear()
    go = f"/proc/{state.pid}/root/tmp/go-{os.getpid()}"
    with open(go, "w"):
        pass
    try:
        until(lambda: _waiting(jails, "out") >= 4, "the second line is in the FIFO")
    finally:
        os.unlink(go)

    again = os.open(f"{jails.state_dir}/web/io/init.out", os.O_RDONLY | os.O_NONBLOCK)
    assert read_until(again, "two") == "two\n"
    os.close(again)
    assert jails.operations.state("web").status == "running"


@pytest.mark.root
def test_another_user_can_open_the_output_again(private_dir: str) -> None:
    """A worker that changed its user writes to /dev/stdout, as nginx does."""
    jails = Jails(private_dir, "linux")
    script = "su user -s /bin/sh -c 'echo again > /proc/self/fd/1; echo wrong > /proc/self/fd/2'"
    process = {"noNewPrivileges": False}

    status, out, err = jails.run(["sh", "-c", script], process=process)

    assert (status, out, err) == (0, "again\n", "wrong\n")


@pytest.mark.root
def test_a_process_of_another_user_opens_its_own_output(private_dir: str) -> None:
    """The FIFOs belong to process.user."""
    jails = Jails(private_dir, "linux")

    status, out, _ = jails.run(["sh", "-c", "echo mine > /dev/stdout; id -u"], uid=1000, gid=1000)

    assert (status, out) == (0, "mine\n1000\n")


def test_the_ends_are_opened_each_on_its_own(private_dir: str) -> None:
    """The jail's ends block, ours do not: O_NONBLOCK belongs to the description."""
    io = Fifos("init", stdin=True)
    with _opened(private_dir) as fd:
        streams = io.open(fd, _process())
    assert streams is not None

    modes = {name: fcntl.fcntl(each, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_NONBLOCK) for name, each in io.held.items()}
    jails = [fcntl.fcntl(each, fcntl.F_GETFL) & (os.O_ACCMODE | os.O_NONBLOCK) for each in streams]
    inherited = [os.get_inheritable(each) for each in (*streams, *io.held.values())]
    io.close()

    assert modes == {"out": os.O_NONBLOCK, "err": os.O_NONBLOCK, "in": os.O_WRONLY | os.O_NONBLOCK}
    assert jails == [os.O_RDONLY, os.O_RDWR, os.O_RDWR]
    assert not any(inherited)


def test_modes_let_the_jail_in_and_nobody_else(private_dir: str) -> None:
    """Others may write to the output and read the input; the directory above keeps strangers away."""
    io = Fifos("init", stdin=True)
    before = os.umask(0o077)
    try:
        with _opened(private_dir) as fd:
            io.open(fd, _process())
    finally:
        os.umask(before)

    modes = {
        name: stat.S_IMODE(os.stat(f"{private_dir}/io/{name}").st_mode) for name in os.listdir(f"{private_dir}/io")
    }
    directory = stat.S_IMODE(os.stat(f"{private_dir}/io").st_mode)
    io.close()

    assert (modes, directory) == ({"init.in": 0o644, "init.out": 0o622, "init.err": 0o622}, 0o700)


def test_what_was_made_is_closed_and_unlinked_on_failure(private_dir: str) -> None:
    """A failing open leaves neither descriptor nor file, and close may be called again."""
    before = set(os.listdir("/proc/self/fd"))
    os.mkdir(f"{private_dir}/io")
    os.mkdir(f"{private_dir}/io/init.err")
    io = Fifos("init", stdin=True)

    with _opened(private_dir) as fd, pytest.raises(FileExistsError):
        io.open(fd, _process())
    os.rmdir(f"{private_dir}/io/init.err")
    io.close()
    io.close()

    assert os.listdir(f"{private_dir}/io") == []
    assert set(os.listdir("/proc/self/fd")) == before


def test_the_fifos_of_an_ended_process_are_unlinked_by_name(private_dir: str) -> None:
    """Only those of that process go."""
    keep, gone = Fifos("init", stdin=False), Fifos("exec1", stdin=True)
    with _opened(private_dir) as fd:
        keep.open(fd, _process())
        gone.open(fd, _process())
    with _opened(f"{private_dir}/io") as fd:
        unlink_fifos(fd, "exec1")
        unlink_fifos(fd, "exec1")

    left = sorted(os.listdir(f"{private_dir}/io"))
    keep.close()
    gone.close()

    assert left == ["init.err", "init.out"]


def test_the_callers_streams_are_given_to_the_user(private_dir: str) -> None:
    """A pipe of the caller belongs to the program's user afterwards; a file does not."""
    if os.geteuid() != 0:
        pytest.skip("needs root: only root can give files away")
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            fd = os.open(f"{private_dir}/file", os.O_WRONLY | os.O_CREAT, 0o600)
            os.dup2(reader, 0)
            os.dup2(writer, 1)
            os.dup2(fd, 2)
            streams = Inherited().open(-1, _process(User(1000, 1000)))
            owners = [os.fstat(each).st_uid for each in range(3)]
            os._exit(0 if streams == (0, 1, 2) and owners == [1000, 1000, 0] else 1)
        finally:
            os._exit(2)
    os.close(reader)
    os.close(writer)

    assert wait(pid) == 0


def test_the_operators_terminal_stays_his(private_dir: str) -> None:
    """A terminal is not given to the program's user, who may be somebody on the host, too."""
    if os.geteuid() != 0:
        pytest.skip("needs root: only root can give files away")
    master, slave = os.openpty()
    pid = os.fork()
    if pid == 0:
        try:
            for fd in range(3):
                os.dup2(slave, fd)
            Inherited().open(-1, _process(User(1000, 1000)))
            os._exit(0)
        finally:
            os._exit(2)

    assert wait(pid) == 0
    assert os.fstat(slave).st_uid == 0
    os.close(master)
    os.close(slave)


def test_inherited_streams_reach_the_program(jails: Jails) -> None:
    """The program of runj writes where runj would."""
    reader, writer = os.pipe()
    bundle = jails.bundle(["sh", "-c", "echo direct"])
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(writer, 1)
            state = jails.operations.create("web", bundle, Inherited(), runtime=jails.runtime, start=True)
            os._exit(wait(state.pid))
        finally:
            os._exit(99)
    os.close(writer)

    assert wait(pid) == 0
    assert os.read(reader, 100) == b"direct\n"
    os.close(reader)


def test_a_blocked_writer_goes_on_when_somebody_reads(jails: Jails) -> None:
    """A full FIFO blocks the program, and nothing is lost."""
    io = Fifos("init", stdin=False)
    state = jails.create(
        "web",
        ["sh", "-c", "i=0; while [ $i -lt 3000 ]; do echo $i-0123456789012345678901234567890; i=$((i+1)); done"],
        io=io,
        start=True,
    )
    until(lambda: _waiting(jails, "out") > 60_000, "the FIFO is full")
    assert os.waitpid(state.pid, os.WNOHANG) == (0, 0)

    lines = read_until(io.held["out"], "2999-").splitlines()
    wait(state.pid)

    assert len(lines) == 3000
    assert read_all(io.held["err"]) == ""


def test_a_kill_of_the_reader_does_not_reach_the_program(plain: Jails) -> None:
    """The reader may be another process, which dies by SIGKILL."""
    io = Fifos("init", stdin=False)
    state = plain.create("web", ["sh", "-c", "while :; do echo line; sleep 0.005; done"], io=io, start=True)
    reader = os.fork()
    if reader == 0:
        while True:
            signal.pause()
    for fd in io.held.values():
        os.close(fd)
    io.held.clear()
    os.kill(reader, signal.SIGKILL)
    wait(reader)
    before = _waiting(plain, "out")

    until(lambda: _waiting(plain, "out") > before, "it writes on")
    assert os.waitpid(state.pid, os.WNOHANG) == (0, 0)


def _waiting(jails: Jails, stream: str) -> int:
    """Return how many bytes are in the FIFO."""
    import array
    import termios

    fd = os.open(f"{jails.state_dir}/web/io/init.{stream}", os.O_RDONLY | os.O_NONBLOCK)
    try:
        found = array.array("i", [0])
        fcntl.ioctl(fd, termios.FIONREAD, found)
        return found[0]
    finally:
        os.close(fd)


def _process(user: User | None = None) -> Process:
    return Process(("true",), user=user or User(os.geteuid(), os.getegid()))


class _opened:
    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> int:
        self._fd = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        return self._fd

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
