"""runjctl on a terminal: a person's pty, a jail's pty, a daemon between them."""

from __future__ import annotations

import os
import signal
import termios
import time

import pytest

from tests.functional.daemon import PATIENCE, Daemon
from tests.functional.person import Person

SHELL = ["/bin/sh", "-i"]


def test_a_shell_is_a_shell(daemon: Daemon, person: Person) -> None:
    """Typing, the size of the window and its changes, ^C and ^D, the status, and the terminal as it was."""
    bundle = daemon.bundle("shell", SHELL, terminal=True, env=["PS1=ready> "])
    with person.run(daemon, "run", "-it", "--rm", bundle) as child:
        person.look_for(b"ready> ")
        assert person.modes() != person.before
        person.type(b"stty size; tty\r")
        person.look_for(b"24 80\r\n")
        person.look_for(b"/dev/")
        person.look_for(b"ready> ")
        termios.tcsetwinsize(person.slave, (50, 132))
        child.send_signal(signal.SIGWINCH)
        person.type(b"sleep 0.1; stty size\r")
        person.look_for(b"50 132\r\n")
        person.type(b"sleep 100\r")
        person.look_for(b"sleep 100\r\n")
        time.sleep(0.1)
        person.type(b"\x03")
        person.look_for(b"ready> ")
        person.type(b"exit 9\r")
        assert child.wait(PATIENCE) == 9
    assert person.modes() == person.before


def test_detaching_and_coming_back(daemon: Daemon, person: Person) -> None:
    """The detach keys leave the shell alone, attach finds it again, with another size."""
    bundle = daemon.bundle("again", SHELL, terminal=True, env=["PS1=ready> "])
    with person.run(daemon, "run", "-it", bundle) as child:
        person.look_for(b"ready> ")
        person.type(b"kept=here\r")
        person.look_for(b"ready> ")
        person.type(b"\x10\x11")
        assert child.wait(PATIENCE) == 0
    person.look_for(b"runjctl attach again")
    assert person.modes() == person.before
    assert daemon.status("again")["status"] == "running"
    termios.tcsetwinsize(person.slave, (30, 90))
    with person.run(daemon, "attach", "again") as child:
        person.type(b"echo still $kept; stty size\r")
        person.look_for(b"still here\r\n")
        person.look_for(b"30 90\r\n")
        person.type(b"exit 4\r")
        assert child.wait(PATIENCE) == 4
    daemon.runjctl("delete", "again")


def test_exec_on_a_terminal(daemon: Daemon, person: Person) -> None:
    """A second shell in a running jail, with our TERM and size."""
    daemon.runjctl("run", "-d", daemon.shell("host", "exec sleep 100"))
    with person.run(daemon, "exec", "-it", "-e", "PS1=inside> ", "host", *SHELL) as child:
        person.look_for(b"inside> ")
        person.type(b"stty size; exit 3\r")
        person.look_for(b"24 80\r\n")
        assert child.wait(PATIENCE) == 3
    assert person.modes() == person.before
    daemon.runjctl("delete", "-f", "host")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_restored_when_we_are_ended(daemon: Daemon, person: Person, signum: int) -> None:
    """Ended from outside, we leave the terminal as it was and the shell running."""
    name = f"ended{signum:d}"
    bundle = daemon.bundle(name, SHELL, terminal=True, env=["PS1=ready> "])
    with person.run(daemon, "run", "-it", "--name", name, bundle) as child:
        person.look_for(b"ready> ")
        child.send_signal(signum)
        assert child.wait(PATIENCE) == -signum
    assert person.modes() == person.before
    assert daemon.status(name)["status"] == "running"
    daemon.runjctl("delete", "-f", name)


def test_a_large_paste_arrives_whole(daemon: Daemon, person: Person) -> None:
    """More than any buffer between holds, with echo, is neither lost nor stuck."""
    count = 200_000
    script = f"stty raw -echo; echo go; head -c {count} | wc -c; stty sane"
    bundle = daemon.bundle("paste", ["/bin/sh", "-c", script], terminal=True)
    with person.run(daemon, "run", "-it", "--rm", bundle) as child:
        person.look_for(b"go")
        view = memoryview(b"p" * count)
        while view:
            view = view[os.write(person.master, view[:4096]) :]
        person.look_for(str(count).encode())
        assert child.wait(PATIENCE) == 0
