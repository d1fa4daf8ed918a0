"""A process is known by more than its pid."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runjd.kernel import process
from runjd.kernel.closing import close_others


def test_we_are_alive() -> None:
    """A process that runs is alive, was started before now and stays the same."""
    mine = process.start_time(os.getpid())

    assert process.is_alive(os.getpid(), mine)
    assert process.start_time(os.getpid()) == mine


def test_another_start_is_another_process() -> None:
    """The same pid with another start time is a stranger."""
    assert not process.is_alive(os.getpid(), process.start_time(os.getpid()) + 1)


@pytest.mark.parametrize("pid", [-1, 0, 2**22 + 1])
def test_nobody_is_not_alive(pid: int) -> None:
    """A pid that nobody has, or that means many, is nobody."""
    assert process.look(pid) is None
    assert not process.is_alive(pid, 0)
    with pytest.raises(ProcessLookupError):
        process.start_time(pid)


def test_zombie_is_not_alive() -> None:
    """A process that ended but was not reaped is seen, but does not live."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    seen = process.look(pid)

    assert seen is not None
    assert not seen.alive
    assert not process.is_alive(pid, seen.start_time)
    os.waitpid(pid, 0)


def test_everyone_includes_us_once() -> None:
    """The list of all processes has each once, with its parent and session."""
    mine = [each for each in process.everyone() if each.pid == os.getpid()]

    assert [(each.parent, each.session) for each in mine] == [(os.getppid(), os.getsid(0))]


def test_boot_id_is_stable() -> None:
    """Two questions within a boot have one answer."""
    assert process.boot_id() == process.boot_id()
    if sys.platform == "linux":
        assert re.fullmatch(r"[0-9a-f-]{36}", process.boot_id())


@pytest.mark.linux
@given(st.binary(max_size=16).filter(lambda name: b"\0" not in name))
def test_names_do_not_confuse_stat(name: bytes) -> None:
    """A process may be named as it likes, with spaces and parentheses too."""
    rest = b" ".join(b"%d" % number for number in range(5, 60))
    text = b"7 (" + name + b") S 4 " + rest

    assert process._parse_stat(7, text) == process.Seen(7, 4, 6, 22, True)


def test_close_others_keeps_what_it_is_told() -> None:
    """In a child every descriptor but those to keep is closed."""
    read, write = os.pipe()
    extra = [os.dup(write) for _ in range(3)]
    pid = os.fork()
    if pid == 0:
        close_others((write, extra[1]))
        left = [each for each in (read, *extra) if _is_open(each)]
        os.write(write, repr(left == [extra[1]]).encode())
        os._exit(0)
    os.waitpid(pid, 0)

    assert os.read(read, 10) == b"True"
    for each in (read, write, *extra):
        os.close(each)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.mark.root
def test_a_process_that_we_may_not_see_is_nobody() -> None:
    """On a procfs with hidepid=1, as ordinary users find it on some hosts, others are named but cannot be looked at."""
    script = """if True:
        import os, sys
        sys.path.append(sys.argv[1])
        from runjd.kernel import mount, namespaces, process
        namespaces.unshare(namespaces.CLONE_NEWNS)
        mount.mount(None, "/", None, mount.MS_PRIVATE | mount.MS_REC)
        mount.mount("proc", "/proc", "proc", 0, "hidepid=1")
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        seen = {each.pid for each in process.everyone()}
        print(os.getpid() in seen, os.getppid() in seen)
    """
    done = subprocess.run(
        [sys.executable, "-c", script, os.getcwd()], capture_output=True, text=True, check=False, timeout=5
    )

    assert (done.stdout, done.stderr) == ("True False\n", "")
