"""The person's terminal: raw mode and back, size, detach keys; on real ptys."""

from __future__ import annotations

import fcntl
import os
import struct
import termios
from collections.abc import Iterator

import pytest

from runjd.cli.terminal import DEFAULT_DETACH_KEYS, DetachKeys, Terminal, parse_keys, window_size

LFLAG, CC = 3, 6


@pytest.fixture
def pty() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    yield master, slave
    for fd in (master, slave):
        try:
            os.close(fd)
        except OSError:
            pass  # the test closed it


def test_raw_mode_passes_control_characters_as_bytes(pty: tuple[int, int]) -> None:
    """^C, ^Z, ^S and a carriage return are read as they were typed, without a line feed."""
    master, slave = pty
    with Terminal(slave):
        os.write(master, b"\x03\x1a\x13\x11\r\x16\x04")
        assert os.read(slave, 100) == b"\x03\x1a\x13\x11\r\x16\x04"


def test_raw_mode_writes_bytes_as_they_are(pty: tuple[int, int]) -> None:
    """A line feed reaches the screen without a carriage return."""
    master, slave = pty
    with Terminal(slave):
        os.write(slave, b"a\nb")
        assert os.read(master, 100) == b"a\nb"


def test_modes_are_put_back_after_an_exception(pty: tuple[int, int]) -> None:
    """Whatever happens inside, the modes are those that were found."""
    _, slave = pty
    before = termios.tcgetattr(slave)
    seen = []

    def fail() -> None:
        with Terminal(slave):
            seen.append(termios.tcgetattr(slave))
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        fail()
    assert seen[0] != before
    assert termios.tcgetattr(slave) == before


def test_entering_twice_still_restores_the_first_modes(pty: tuple[int, int]) -> None:
    """After SIGCONT raw mode is set again; what is restored at the end is what was there at the beginning."""
    _, slave = pty
    before = termios.tcgetattr(slave)
    terminal = Terminal(slave)
    terminal.enter()
    terminal.enter()
    terminal.leave()
    assert before == termios.tcgetattr(slave)


def test_leaving_without_entering_changes_nothing(pty: tuple[int, int]) -> None:
    """A terminal that was never raw is left alone."""
    _, slave = pty
    before = termios.tcgetattr(slave)
    Terminal(slave).leave()
    assert before == termios.tcgetattr(slave)


def test_leaving_a_terminal_that_hung_up_is_no_error() -> None:
    """Where the other end is gone there is nothing to restore and nothing to complain about."""
    master, slave = os.openpty()
    try:
        with Terminal(slave):
            os.close(master)
    finally:
        os.close(slave)


def test_entering_what_is_no_terminal_fails() -> None:
    """A pipe cannot be put into raw mode."""
    reading, writing = os.pipe()
    try:
        with pytest.raises(termios.error):
            Terminal(reading).enter()
    finally:
        os.close(reading)
        os.close(writing)


def test_size_is_rows_then_columns(pty: tuple[int, int]) -> None:
    """The size comes in the order of the protocol."""
    _, slave = pty
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    assert Terminal(slave).size() == (40, 120)


def test_a_terminal_of_no_size_does_not_know_it(pty: tuple[int, int]) -> None:
    """Zero rows or columns, as on a serial line, are no size."""
    assert window_size(pty[1]) is None


def test_a_pipe_has_no_size() -> None:
    """What is no terminal has no size."""
    reading, writing = os.pipe()
    try:
        assert window_size(reading) is None
    finally:
        os.close(reading)
        os.close(writing)


def test_the_own_descriptor_is_nonblocking_and_the_shared_one_stays_as_it_is(pty: tuple[int, int]) -> None:
    """The description that the shell shares with us keeps its flags."""
    _, slave = pty
    own = Terminal(slave).open_own()
    assert own is not None
    try:
        assert not os.get_blocking(own)
        assert os.get_blocking(slave)
        assert os.fstat(own).st_rdev == os.fstat(slave).st_rdev
    finally:
        os.close(own)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("ctrl-p,ctrl-q", b"\x10\x11"),
        ("CTRL-P,ctrl-Q", b"\x10\x11"),
        ("^P^Q", b"\x10\x11"),
        ("^p,^q", b"\x10\x11"),
        ("ctrl-],q", b"\x1dq"),
        ("ctrl-@", b"\x00"),
        ("~.", b"~."),
        ("^", b"^"),
        ("none", b""),
        ("", b""),
    ],
)
def test_keys_are_read(text: str, keys: bytes) -> None:
    """Keys can be written as docker does, as people do, or plainly."""
    assert keys == parse_keys(text)


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-pp", "ctrl-1", "a,,b", "ctrl-p,", "^1", "é", "a b", "\x10"])
def test_wrong_keys_are_named(text: str) -> None:
    """What is no key is refused with a sentence."""
    with pytest.raises(ValueError, match="key"):
        parse_keys(text)


def test_default_keys_are_control_p_control_q() -> None:
    """The default is the one of the field."""
    assert parse_keys(DEFAULT_DETACH_KEYS) == b"\x10\x11"


def test_keys_are_found_across_reads() -> None:
    """It does not matter in how many pieces the keys arrive; what follows them is dropped."""
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"ls\x10") == (b"ls", False)
    assert keys.is_holding
    assert keys.feed(b"\x11rest") == (b"", True)


def test_a_beginning_that_leads_nowhere_is_passed_on() -> None:
    """^P alone reaches the program with what is typed next."""
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"\x10") == (b"", False)
    assert keys.feed(b"a") == (b"\x10a", False)
    assert not keys.is_holding


def test_a_repeated_beginning_passes_the_first() -> None:
    """Of ^P ^P the first is passed on, the second held."""
    keys = DetachKeys(b"\x10\x11")
    assert keys.feed(b"\x10\x10") == (b"\x10", False)
    assert keys.feed(b"\x11") == (b"", True)


def test_released_keys_are_not_passed_twice_and_still_count() -> None:
    """Who waits after ^P has it delivered at once, and ^Q still detaches."""
    keys = DetachKeys(b"\x10\x11")
    keys.feed(b"\x10")
    assert keys.release() == b"\x10"
    assert keys.release() == b""
    assert keys.feed(b"\x11") == (b"", True)
    keys = DetachKeys(b"\x10\x11")
    keys.feed(b"\x10")
    keys.release()
    assert keys.feed(b"x") == (b"x", False)


def test_no_keys_pass_everything() -> None:
    """With --detach-keys none every byte is the program's."""
    assert DetachKeys(b"").feed(b"\x10\x11") == (b"\x10\x11", False)
