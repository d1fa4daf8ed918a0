"""Tests of runjd.container.pty_freebsd, whose calls are those of POSIX."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from runjd.container import pty_freebsd
from runjd.container.pty import Pty

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/ptmx"), reason="this system has no /dev/ptmx")


@pytest.fixture
def spare() -> Iterator[tuple[int, ...]]:
    """Return a pty of the host; what is left of it is closed at the end."""
    made = pty_freebsd.open_spare()
    yield made
    for fd in made:
        try:
            os.close(fd)
        except OSError:
            continue


def shown(path: str) -> bool:
    """Say that the jail has a devfs."""
    return path == "/dev"


def close(pty: Pty) -> None:
    """Close both ends."""
    os.close(pty.master)
    os.close(pty.slave)


def test_a_pty_is_made_where_we_are(spare: tuple[int, ...]) -> None:
    """Its slave is found by its name, and what is written on one side is read on the other."""
    pty = pty_freebsd.open_inside(spare, shown)

    assert pty.inside
    assert os.ttyname(pty.slave) == pty.name
    os.write(pty.slave, b"hello")
    assert os.read(pty.master, 5) == b"hello"
    assert os.get_blocking(pty.slave)
    close(pty)


def test_the_spare_is_closed_where_it_is_not_needed() -> None:
    """Nothing of the host's stays open in the jail."""
    spare = pty_freebsd.open_spare()

    close(pty_freebsd.open_inside(spare, shown))

    for fd in spare:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(fd)


def test_what_the_jail_shows_in_place_of_the_slave_is_not_believed(spare: tuple[int, ...]) -> None:
    """Another terminal of that name has another window; a file has none."""
    master, name = pty_freebsd.open_terminal()
    other, elsewhere = pty_freebsd.open_terminal()

    assert pty_freebsd._open_slave(master, elsewhere) == -1
    assert pty_freebsd._open_slave(master, "/dev/null") == -1
    assert pty_freebsd._open_slave(master, "/no/such/terminal") == -1
    found = pty_freebsd._open_slave(master, name)
    assert found >= 0
    for fd in (master, other, found):
        os.close(fd)


def test_without_a_devfs_the_hosts_is_used(spare: tuple[int, ...]) -> None:
    """Nothing is opened by a name that the image made."""
    pty = pty_freebsd.open_inside(spare, lambda path: False)

    assert (pty.master, pty.slave, pty.inside) == (*spare, False)
