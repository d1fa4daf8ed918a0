"""One hook's process: fed, bounded, and gone when it should be."""

from __future__ import annotations

import os
import signal
import time

import pytest

from runjd.container.hook_process import Ended, Pointless, TooLong, open_document, run_program
from runjd.container.hooks import nothing
from tests.container.jails import PATIENCE, until, wait


def _run(script: str, document: bytes = b"{}", timeout: float | None = None, watch: int = -1) -> Ended:
    fd = open_document(document)
    try:
        return run_program(
            b"/bin/sh", [b"sh", b"-c", script.encode()], [b"PATH=/bin:/usr/bin"], fd,
            timeout=timeout, prepare=nothing, confine=nothing, watch=watch,
        )  # fmt: skip
    finally:
        os.close(fd)


def _is_gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_status_and_output_are_returned() -> None:
    """Both streams, in the order they were written."""
    assert _run("echo one; echo two >&2; exit 4") == Ended(4, b"one\ntwo\n")
    assert _run("kill -TERM $$").status == -signal.SIGTERM


def test_a_document_of_any_size_needs_no_reader() -> None:
    """Whether the program reads all, some or nothing of it, nobody waits, nor is anybody killed by SIGPIPE."""
    large = b"x" * 300_000

    assert _run("wc -c", large).output.strip() == b"300000"
    assert _run("head -c 3", large) == Ended(0, b"xxx")
    assert _run("true", large) == Ended(0, b"")


def test_every_program_reads_the_document_from_its_start() -> None:
    """One document serves all hooks of a phase."""
    fd = open_document(b"state")
    for _ in range(2):
        ended = run_program(b"/bin/cat", [b"cat"], [], fd, timeout=None, prepare=nothing, confine=nothing)
        assert ended == Ended(0, b"state")
    os.close(fd)


def test_only_the_end_of_the_output_is_kept() -> None:
    """However much is written."""
    ended = _run("yes line | head -c 3000000; echo last")

    assert len(ended.output) == 2048
    assert ended.output.endswith(b"\nlast\n")


def test_a_program_that_leaves_a_child_is_not_waited_for_any_longer() -> None:
    """The child may hold the output open for as long as it likes."""
    began = time.monotonic()

    ended = _run("sleep 60 & echo $!")

    assert time.monotonic() - began < PATIENCE
    os.kill(int(ended.output), signal.SIGKILL)


def test_a_program_that_closes_its_output_is_still_waited_for() -> None:
    """The end of its output is not its own."""
    assert _run("exec >/dev/null 2>&1; sleep 0.2; exit 5") == Ended(5, b"")


def test_a_timeout_kills_the_whole_group(private_dir: str) -> None:
    """Children of the program as well, also those that ignore signals."""
    script = f"trap '' TERM HUP INT; sleep 60 & echo $! >{private_dir}/child; wait"

    with pytest.raises(TooLong):
        _run(script, timeout=0.5)

    with open(f"{private_dir}/child") as file:
        child = int(file.read())
    until(lambda: _is_gone(child), "the child of the program is gone")


def test_a_program_is_killed_when_it_has_become_pointless() -> None:
    """As soon as the other end of the watched socket is closed."""
    import _socket

    ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    closer = os.fork()
    if closer == 0:
        os.close(ours.fileno())
        time.sleep(0.1)
        os._exit(0)
    theirs.close()

    with pytest.raises(Pointless):
        _run("sleep 60", watch=ours.fileno())

    wait(closer)
    ours.close()


def test_a_program_is_killed_when_it_is_not_wanted_any_more() -> None:
    """As soon as that is said, whatever it does."""
    answers = iter([True, True, False])
    fd = open_document(b"")
    try:
        with pytest.raises(Pointless, match="deleted meanwhile"):
            run_program(
                b"/bin/sleep", [b"sleep", b"60"], [], fd,
                timeout=None, prepare=nothing, confine=nothing, is_wanted=lambda: next(answers),
            )  # fmt: skip
    finally:
        os.close(fd)


def test_a_program_ends_with_whoever_runs_it(private_dir: str) -> None:
    """It must not change a host from which the container is taken away meanwhile."""
    runner = os.fork()
    if runner == 0:
        try:
            _run(f"echo $$ >{private_dir}/pid; exec sleep 60")
        finally:
            os._exit(1)
    until(lambda: os.path.exists(f"{private_dir}/pid") and os.path.getsize(f"{private_dir}/pid"), "it runs")
    with open(f"{private_dir}/pid") as file:
        pid = int(file.read())

    os.kill(runner, signal.SIGKILL)

    wait(runner)
    until(lambda: _is_gone(pid), "the program is gone")


def test_a_program_has_a_session_of_its_own_and_no_signals_of_ours() -> None:
    """A signal to our group does not reach it, and nothing is ignored or blocked."""
    session = _run("cat /proc/self/stat").output.split()[5]
    status = dict(line.split(":\t", 1) for line in _run("cat /proc/self/status").output.decode().splitlines())

    assert session.decode() not in ("0", str(os.getsid(0)))
    assert {status[name] for name in ("SigBlk", "SigIgn", "SigCgt")} == {"0" * 16}


@pytest.mark.parametrize(("path", "error"), [(b"/no/such", FileNotFoundError), (b"/etc/passwd", PermissionError)])
def test_what_cannot_be_executed_is_an_error_of_the_system(path: bytes, error: type[OSError]) -> None:
    """And no descriptor is left."""
    fd = open_document(b"")
    before = os.listdir("/proc/self/fd")

    with pytest.raises(error):
        run_program(path, [b"x"], [], fd, timeout=None, prepare=nothing, confine=nothing)

    assert os.listdir("/proc/self/fd") == before
    os.close(fd)


def test_what_fails_before_the_program_is_an_error(private_dir: str) -> None:
    """The program is not executed then."""

    def fail() -> None:
        raise ValueError("no")

    fd = open_document(b"")
    with pytest.raises(OSError, match="Input/output error"):
        run_program(
            b"/bin/touch", [b"touch", f"{private_dir}/x".encode()], [], fd, timeout=None, prepare=fail, confine=nothing
        )
    os.close(fd)
    assert os.listdir(private_dir) == []
