"""Pseudo-terminals, by the calls that POSIX has for all systems."""

from __future__ import annotations

import os
import sys

import pytest

from runjd.kernel.freebsd.terminal import open_terminal

pytestmark = pytest.mark.skipif(
    sys.platform.startswith("linux") and not os.path.exists("/dev/ptmx"), reason="this system has no /dev/ptmx"
)


def test_the_slave_has_the_path_that_is_told() -> None:
    """What is written to it arrives at the master; neither stays open after exec."""
    master, path = open_terminal()
    slave = os.open(path, os.O_RDWR | os.O_NOCTTY)
    os.write(slave, b"hello\n")
    said = os.read(master, 100)
    kept = os.get_inheritable(master)
    os.close(slave)
    os.close(master)

    assert said == b"hello\r\n"
    assert not kept
