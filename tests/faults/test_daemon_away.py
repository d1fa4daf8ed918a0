"""Jails write while the daemon is dead, with a real daemon and a real keeper."""

from __future__ import annotations

import array
import fcntl
import os
import termios
from collections.abc import Iterator

import pytest

from tests.faults.logged import LoggedDaemon, written
from tests.functional.daemon import wait_until

#: of lines of 100 bytes: more than a pipe holds, and less than a spool does
_WITHIN = 6_000
_BEYOND = 25_000
_PROGRAM = """
def write(numbers):
    for n in numbers:
        line = b'%d ' % n + b'x' * 90 + b'\\n'
        while line:
            line = line[os.write(1, line):]

def until(path):
    while not os.path.exists(path):
        time.sleep(0.01)

write(range(1, 101))
until('{go}')
write(range(101, {count} + 1))
open('{done}', 'w').close()
until('{end}')
write(range({count} + 1, {count} + 101))
"""


@pytest.fixture
def logged() -> Iterator[LoggedDaemon]:
    """Return a daemon that is to be described and started."""
    made = LoggedDaemon()
    try:
        yield made
    finally:
        made.remove()


def _nonblocking(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _readable(pipe: int) -> int:
    """Return how many bytes can be read."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


class Writer:
    """A jail that writes numbered lines: some at once, many when told to, some at its end."""

    def __init__(self, logged: LoggedDaemon, name: str, count: int, terminal: bool = False) -> None:
        self.name = name
        self._logged = logged
        self._count = count
        self._places = {word: f"{logged.directory}/{name}.{word}" for word in ("go", "done", "end")}
        program = _PROGRAM.format(count=count, **self._places)
        logged.jail(name, program, terminal=terminal)

    def tell(self, word: str) -> None:
        """Let it go on: go, or end."""
        open(self._places[word], "w").close()

    def has_written(self) -> bool:
        """Whether nothing has kept it from writing many lines."""
        return os.path.exists(self._places["done"])

    def numbers(self) -> list[int]:
        """Return the numbers of the lines in its log."""
        text = b"".join(written("cri", each) for each in self._logged.files(self.name))
        return [int(line.split()[0]) for line in text.splitlines()]

    def all_numbers(self) -> list[int]:
        """Return those that it writes until it ends."""
        return list(range(1, self._count + 101))


def _kill_when_all_is_written(logged: LoggedDaemon, writers: list[Writer]) -> None:
    for writer in writers:
        logged.start_jail(writer.name)
    for writer in writers:
        wait_until(lambda writer=writer: len(writer.numbers()) == 100, "the first lines")  # type: ignore[misc]
    logged.kill()
    for writer in writers:
        writer.tell("go")


def test_jails_do_not_notice_that_the_daemon_is_dead(logged: LoggedDaemon) -> None:
    """They write more than a pipe holds, into pipes and on a terminal; each line is in the log, once and in order."""
    writers = [Writer(logged, "pipe", _WITHIN), Writer(logged, "terminal", _WITHIN, terminal=True)]
    logged.start()
    _kill_when_all_is_written(logged, writers)

    wait_until(lambda: all(writer.has_written() for writer in writers), "a jail waits for a daemon")
    logged.start()
    for writer in writers:
        writer.tell("end")
    for writer in writers:
        logged.wait_for_end(writer.name)

    for writer in writers:
        assert writer.numbers() == writer.all_numbers()


def test_a_jail_that_ends_without_a_daemon_is_logged_to_its_end(logged: LoggedDaemon) -> None:
    """Its last lines come before its exit."""
    writer = Writer(logged, "web", _WITHIN)
    logged.start()
    _kill_when_all_is_written(logged, [writer])
    writer.tell("end")
    wait_until(writer.has_written, "the jail waits for a daemon")

    logged.start()
    logged.wait_for_end("web")

    assert writer.numbers() == writer.all_numbers()


def test_a_jail_that_writes_too_much_waits_for_the_daemon(logged: LoggedDaemon) -> None:
    """And nothing is lost."""
    writer = Writer(logged, "web", _BEYOND)
    logged.start()
    _kill_when_all_is_written(logged, [writer])
    with open(f"{logged.state}/state/web/io/init.out", "rb", buffering=0, opener=_nonblocking) as fifo:
        wait_until(lambda: _readable(fifo.fileno()) > 60_000, "the FIFO is full")
    assert not writer.has_written()

    logged.start()
    writer.tell("end")
    logged.wait_for_end("web")

    assert writer.numbers() == writer.all_numbers()
