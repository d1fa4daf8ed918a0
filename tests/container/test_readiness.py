"""How a program tells that it is ready."""

from __future__ import annotations

import os
import socket
import sys
import time

import pytest

from runjd.container.readiness import Newline, Notify, Readiness, readiness
from runjd.container.stdio import Fifos
from runjd.errors import BadArgument, RunjdError, SpecError
from runjd.kernel.passrights import refuse_descriptors
from runjd.runtime.freebsd.mounts import plan_mount
from runjd.runtime.memory import MemoryRuntime
from runjd.runtime.plain import PlainRuntime
from runjd.spec.parse import parse_config
from runjd.supervise.ready.senders import receive
from tests.container.jails import Jails, read_all, wait

_SEND = """
import os, socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
"""

# a connection with unsent data, which lingers for 20 s when its last descriptor is closed
_SEND_LINGERING = """
import os, socket, struct, sys
here = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
here.setblocking(False)
here.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 20))
try:
    while True:
        here.send(bytes(65536))
except BlockingIOError:
    pass
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
try:
    socket.send_fds(s, [b"STATUS=bad"], [here.fileno()])
except PermissionError:
    s.send(b"READY=1")
os._exit(0)  # the kernel lets no process that ends linger
"""


def run(jails: Jails, args: list[str], way: Readiness, **options: object) -> tuple[int, Fifos]:
    """Run a program that can tell in that way; return its pid, and its streams."""
    way.reserve()
    io = Fifos("init", stdin=False)
    jails.keep(io)
    bundle = jails.bundle(args, **options)
    try:
        state = jails.operations.create("web", bundle, io, runtime=jails.runtime, start=True, ready=way)
    except RunjdError:
        way.close()
        raise
    return state.pid, io


def test_a_socket_is_shown_to_the_program(plain: Jails) -> None:
    """The program finds the socket where NOTIFY_SOCKET says, and what it sends is received here."""
    way = Notify()

    pid, io = run(plain, [sys.executable, "-c", _SEND], way)

    assert wait(pid) == 0, read_all(io.held["err"])
    ours = socket.socket(fileno=os.dup(way.held["notify"]))
    assert ours.recv(100) == b"READY=1"
    ours.close()
    way.close()


@pytest.mark.linux
def test_a_program_sends_no_descriptors(plain: Jails) -> None:
    """The kernel refuses a lingering connection at its sender, so that neither reading nor closing waits for it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as tried:
        if not refuse_descriptors(tried):
            pytest.skip("this kernel has no SO_PASSRIGHTS (Linux 6.16)")
    way = Notify()

    with socket.create_server(("127.0.0.1", 0)) as never_read:
        port = str(never_read.getsockname()[1])
        pid, io = run(plain, [sys.executable, "-c", _SEND_LINGERING, port], way)

        assert wait(pid) == 0, read_all(io.held["err"])
        before = time.monotonic()
        data, _ = receive(way.held["notify"], 100)
        way.close()
        assert time.monotonic() - before < 10
    assert data == b"READY=1"
    assert not way.notices


def test_a_kernel_that_cannot_refuse_descriptors_is_told_of(plain: Jails) -> None:
    """The state of the jail has a notice, and the program tells that it is ready all the same."""
    way = Notify(refuse=lambda socket: False)

    pid, io = run(plain, [sys.executable, "-c", _SEND], way)

    assert wait(pid) == 0, read_all(io.held["err"])
    assert os.read(way.held["notify"], 100) == b"READY=1"
    way.close()
    (notice,) = [each for each in plain.operations.state("web").notices if "NOTIFY_SOCKET" in each]
    assert notice.startswith("web: a hostile program can delay the daemon")


@pytest.mark.root
def test_a_jail_sees_the_socket_and_cannot_replace_it(private_dir: str) -> None:
    """In a root of its own the socket is on a read-only mount: the jail can send there, and do nothing else."""
    jails = Jails(private_dir, "linux")
    way = Notify()
    script = "ls -ld $NOTIFY_SOCKET; busybox rm $NOTIFY_SOCKET; busybox touch /run/runjd/new; exit 0"
    try:
        pid, io = run(jails, ["sh", "-c", script], way)

        assert wait(pid) == 0
        words = read_all(io.held["out"]).split()
        assert (words[0], words[-1]) == ("srw-rw-rw-", "/run/runjd/notify")
        assert read_all(io.held["err"]).count("Read-only file system") == 2
    finally:
        way.close()
        jails.finish()


def test_nothing_is_left_of_a_start_that_failed(jails: Jails) -> None:
    """Both ends are closed, and the state directory is gone."""
    before = len(os.listdir("/proc/self/fd"))
    way = Notify()

    with pytest.raises(RunjdError, match="nowhere"):
        run(jails, ["/nowhere"], way)

    assert way.held == {}
    assert len(os.listdir("/proc/self/fd")) == before
    assert not os.path.exists(f"{jails.state_dir}/web")


def test_an_environment_names_the_socket_once() -> None:
    """Whatever the bundle says of NOTIFY_SOCKET is about somebody else's."""
    config = parse_config(
        b'{"ociVersion": "1.2.0", "root": {"path": "/"},'
        b' "process": {"args": ["a"], "cwd": "/", "env": ["NOTIFY_SOCKET=/x", "A=1"]}}',
        "config.json",
    )

    inside = Notify().extend(config, "/state/web", MemoryRuntime())
    outside = Notify().extend(config, "/state/web", PlainRuntime())

    assert inside.process is not None
    assert outside.process is not None
    assert inside.process.env == ("A=1", "NOTIFY_SOCKET=/run/runjd/notify")
    assert outside.process.env == ("A=1", "NOTIFY_SOCKET=/state/web/run/notify")
    assert (inside.mounts[0].destination, inside.mounts[0].source, outside.mounts) == (
        "/run/runjd",
        "/state/web/run",
        (),
    )
    with pytest.raises(SpecError, match="so long a path"):
        Notify().extend(config, f"/{'s' * 100}", PlainRuntime())


def test_freebsd_mounts_the_directory_of_the_socket() -> None:
    """There it is a nullfs with the options that nullfs has."""
    config = parse_config(
        b'{"ociVersion": "1.2.0", "root": {"path": "/"}, "process": {"args": ["a"], "cwd": "/"}}', "x"
    )
    runtime = MemoryRuntime()
    runtime.name = "freebsd"

    mount = Notify().extend(config, "/state/web", runtime).mounts[0]
    (step,) = plan_mount(mount, 0, "/bundle", mounts_files=True)

    assert (step.destination, step.source) == ("/var/run/runjd", "/state/web/run")  # type: ignore[attr-defined]
    assert ("ro", "") in step.options.pairs  # type: ignore[attr-defined]


@pytest.mark.parametrize("text", ["fd", "fd:", "fd:x", "fd:2", "fd:10", "fd:99999999999999999999", "log", "notify:"])
def test_other_ways_are_refused(text: str) -> None:
    """What is no way for a program to tell it is an error of whoever asked."""
    with pytest.raises(BadArgument):
        readiness(text)


def test_the_ways_have_names() -> None:
    """They are named as the daemon sends them."""
    assert readiness("") is None
    assert isinstance(readiness("notify"), Notify)
    assert isinstance(readiness("fd:3"), Newline)
