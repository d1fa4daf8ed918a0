"""Jails write on while no daemon is there."""

from __future__ import annotations

import array
import errno
import fcntl
import os
import termios
import time
from collections.abc import Iterator

import pytest

from runjd.keeper.children import Child, Children
from runjd.keeper.loop import Loop
from runjd.keeper.spooling import Spooling
from tests.keeper.daemon import Daemon
from tests.keeper.running import RunningKeeper

#: more than a pipe holds
_LINES = 20_000
_WRITE = 'while [ ! -e "$0.go" ]; do sleep 0.01; done; seq {}; seq {} >&2; : > "$0.done"; exec sleep 1000'


def _writer(keeper: RunningKeeper, name: str, lines: int = _LINES, **process: object) -> str:
    """Return the bundle of a jail that writes once NAME.go is there, and makes NAME.done afterwards."""
    return keeper.bundle(name, "/bin/sh", "-c", _WRITE.format(lines, lines), f"{keeper.directory}/{name}", **process)


def _is_full(pipe: int) -> bool:
    """Whether nearly as much can be read as a pipe holds."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0] > 60_000


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))


def _returned(keeper: RunningKeeper) -> Daemon:
    daemon = keeper.daemon()
    daemon.greet(spool=True)
    return daemon


def _spooled(daemon: Daemon, jail: str, stream: str = "out") -> bytes:
    """Return what is left of a spool."""
    data = b""
    while piece := os.read(daemon.open[jail, "", f"spool-{stream}"], 65536):
        data += piece
    return data


def _numbers(count: int, end: str = "\n") -> bytes:
    return "".join(f"{number}{end}" for number in range(1, count + 1)).encode()


@pytest.fixture
def small(private_dir: str) -> Iterator[RunningKeeper]:
    """Return a keeper whose spools are small."""
    running = RunningKeeper(private_dir, "--spool-size", "10000")
    yield running
    running.end()


@pytest.mark.parametrize("terminal", [False, True])
def test_jails_do_not_wait_for_a_daemon(keeper: RunningKeeper, terminal: bool) -> None:
    """What they write, in a pipe or on a terminal, is kept, and handed to the next daemon."""
    first = _returned(keeper)
    first.run("web", _writer(keeper, "web", terminal=terminal), size=(24, 80) if terminal else None)
    first.close()
    _touch(f"{keeper.directory}/web.go")
    keeper.wait(lambda: os.path.exists(f"{keeper.directory}/web.done"), "all is written")

    second = _returned(keeper)

    expected = 2 * _numbers(_LINES, "\r\n") if terminal else _numbers(_LINES)
    for stream in ("tty",) if terminal else ("out", "err"):
        spooled = _spooled(second, "web", stream)
        assert spooled + second.read("web", len(expected) - len(spooled), stream=stream) == expected


def test_a_daemon_that_dies_again_has_the_next_one_read_on(keeper: RunningKeeper) -> None:
    """Behind what it read: nothing twice, nothing lost, and what came meanwhile follows."""
    first = _returned(keeper)
    first.run("web", _writer(keeper, "web"))
    first.close()
    _touch(f"{keeper.directory}/web.go")
    keeper.wait(lambda: os.path.exists(f"{keeper.directory}/web.done"), "all is written")
    second = _returned(keeper)
    read = os.read(second.open["web", "", "spool-out"], 12345)
    second.close()

    third = _returned(keeper)

    read += _spooled(third, "web")
    expected = _numbers(_LINES)
    assert read + third.read("web", len(expected) - len(read)) == expected


def test_a_full_spool_makes_the_jail_wait(small: RunningKeeper) -> None:
    """It goes on when a daemon reads, and nothing is lost."""
    first = _returned(small)
    first.run("web", _writer(small, "web", 60_000))
    out = os.dup(first.open["web", "", "out"])
    first.close()
    _touch(f"{small.directory}/web.go")
    small.wait(lambda: _is_full(out), "the pipe is full")
    os.close(out)
    assert not os.path.exists(f"{small.directory}/web.done")

    second = _returned(small)

    spooled = _spooled(second, "web")
    assert len(spooled) == 10_000
    expected = _numbers(60_000)
    assert spooled + second.read("web", len(expected) - len(spooled)) == expected


def test_a_spool_comes_before_the_exit(keeper: RunningKeeper) -> None:
    """Of a process that ended meanwhile, too, with what the pipe still has."""
    first = _returned(keeper)
    pid = first.run("web", keeper.bundle("web", "/bin/sh", "-c", "sleep 0.2; seq 20000; exit 3"))["pid"]
    first.close()
    keeper.wait(lambda: not os.path.exists(f"/proc/{pid}"), "exit")

    second = keeper.daemon()
    process, ended = second.greet(spool=True)

    assert process["streams"] == ["out", "err", "spool-out"]
    assert (ended["m"], ended["status"]) == ("exit", 3)
    spooled = _spooled(second, "web")
    expected = _numbers(_LINES)
    assert spooled + second.read("web", len(expected) - len(spooled)) == expected


def test_a_spool_that_was_read_is_let_go(keeper: RunningKeeper) -> None:
    """Its file and its descriptor, a while later."""
    first = _returned(keeper)
    first.run("web", _writer(keeper, "web"))
    before = keeper.descriptors()
    first.close()
    _touch(f"{keeper.directory}/web.go")
    keeper.wait(lambda: os.path.exists(f"{keeper.directory}/web.done"), "all is written")
    second = _returned(keeper)
    for stream in ("out", "err"):
        _spooled(second, "web", stream)

    keeper.wait(lambda: keeper.descriptors() == before, "the descriptors of its spools")


def test_an_earlier_daemon_finds_no_spool(keeper: RunningKeeper) -> None:
    """What jails write while one that reads no spools is gone stays in the pipe."""
    first = keeper.daemon()
    first.greet(spool=False)
    first.run("web", _writer(keeper, "web"))
    out = os.dup(first.open["web", "", "out"])
    first.close()
    _touch(f"{keeper.directory}/web.go")
    keeper.wait(lambda: _is_full(out), "the pipe is full")
    os.close(out)

    second = keeper.daemon()
    (process,) = second.greet(spool=False)

    assert process["streams"] == ["out", "err"]
    assert second.read("web", 1000) == _numbers(_LINES)[:1000]


def test_nothing_is_read_while_a_daemon_is_there() -> None:
    """Nor does the keeper wake up for what jails write then."""
    children = Children()
    out, program = os.pipe()
    child = Child("web", "", out, 1)
    child.hold({"out": out})
    children.add(child)
    loop = Loop(time.monotonic, pytest.fail)
    spooling = Spooling(loop, children, lambda: pytest.fail("a spool was made"), 1 << 20, pytest.fail)
    spooling.begin()
    spooling.end()
    os.write(program, b"line\n")
    began = time.monotonic()
    loop.call_later(0.05, loop.stop)

    loop.turn()

    assert time.monotonic() - began >= 0.05
    assert os.read(out, 100) == b"line\n"
    child.close()
    os.close(program)


def test_what_cannot_be_kept_stays_in_the_pipe() -> None:
    """A disk without room stops the reading, and is told once."""
    words: list[str] = []
    failures: list[Exception] = []
    children = Children()
    out, program = os.pipe()
    child = Child("web", "", out, 1)
    child.hold({"out": out})
    children.add(child)
    os.write(program, b"line\n")

    def make() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    loop = Loop(time.monotonic, failures.append)
    spooling = Spooling(loop, children, make, 1 << 20, words.append)
    spooling.begin()
    loop.turn()
    spooling.end()

    assert os.read(out, 100) == b"line\n"
    assert words == ["what jails write cannot be kept (No space left on device), so they wait for a daemon"]
    assert failures == []
    child.close()
    os.close(program)
