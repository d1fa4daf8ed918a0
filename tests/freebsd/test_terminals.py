"""Terminals, on the host and in a jail without devfs."""

from __future__ import annotations

import os
import struct

import pytest

TIOCGWINSZ = 0x40087468


def test_a_terminal_is_made_in_a_jail(machine, jail) -> None:
    """posix_openpt needs no devfs; the path of the slave is that of the host's numbering."""
    jid = jail()

    def make() -> str:
        master, path = machine.kernel.open_terminal()
        machine.kernel.set_window_size(master, 132, 40)
        machine.kernel.close(master)
        return path

    assert machine.ask(make, jid).startswith("/dev/pts/")


def test_a_terminal_has_the_size_it_is_told(machine) -> None:
    """Rows and columns are not mixed up."""
    if not machine.is_real:
        pytest.skip("the kernel in memory keeps no size")
    import fcntl

    master, _ = machine.kernel.open_terminal()
    try:
        machine.kernel.set_window_size(master, 132, 40)
        size = struct.unpack("HHHH", fcntl.ioctl(master, TIOCGWINSZ, bytes(8)))
    finally:
        machine.kernel.close(master)

    assert size[:2] == (40, 132)


def test_a_terminal_becomes_ours(machine) -> None:
    """By TIOCSCTTY of a session's leader; what it writes arrives at the master, whose end is no error."""
    if not machine.is_real:
        pytest.skip("no data passes through the terminals in memory")

    def talk() -> bytes:
        master, path = machine.kernel.open_terminal()
        pid = os.fork()
        if pid == 0:
            try:
                machine.kernel.setsid()
                slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
                machine.kernel.set_controlling_terminal(slave)
                os.close(master)
                again = os.open("/dev/tty", os.O_RDWR)
                os.write(again, b"hello\n")
                os.close(again)
                os.close(slave)
            finally:
                os._exit(0)
        said = b""
        while part := os.read(master, 100):
            said += part
        os.waitpid(pid, 0)
        return said

    assert machine.ask(talk) == b"hello\r\n"


def test_only_a_leader_of_a_session_gets_a_terminal(machine) -> None:
    """Others are EPERM; what is no terminal is ENOTTY."""

    def try_it() -> str:
        master, _ = machine.kernel.open_terminal()
        try:
            machine.kernel.set_controlling_terminal(master)
        except OSError as error:
            return type(error).__name__
        finally:
            machine.kernel.close(master)
        return "ours"

    assert machine.ask(try_it) in ("PermissionError", "OSError")
