"""Let 0, 1 and 2 be open, and a working directory be there, whatever our parent left of them."""

from __future__ import annotations

import os


def open_missing() -> None:
    """
    Open /dev/null for each of 0, 1 and 2 that is closed.

    Whatever is opened later would take its place, and become the standard error
    of somebody (CVE-2002-0820). To be called first in a program.
    """
    while True:
        fd = os.open("/dev/null", os.O_RDWR)
        if fd > 2:
            os.close(fd)
            return


def leave_missing() -> None:
    """Go to the root where the working directory was removed: nothing can be started from there."""
    try:
        os.getcwd()
    except FileNotFoundError:
        os.chdir("/")
