"""Someone at a terminal."""

from __future__ import annotations

import os
import select
import termios
import time

from tests.cli.program import Program
from tests.functional.daemon import PATIENCE, Daemon


class Person:
    """Someone at a terminal: types, and looks."""

    def __init__(self) -> None:
        self.master, self.slave = os.openpty()
        termios.tcsetwinsize(self.slave, (24, 80))
        self.before = termios.tcgetattr(self.slave)
        self.seen = b""

    def run(self, daemon: Daemon, *arguments: str) -> Program:
        """Start runjctl on this terminal."""
        return daemon.begin(*arguments, stdin=self.slave, stdout=self.slave, stderr=self.slave, start_new_session=True)

    def type(self, data: bytes) -> None:
        """Type."""
        os.write(self.master, data)

    def look_for(self, text: bytes) -> None:
        """Wait until it is on the screen, and forget what is before it."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0, f"{text!r} does not come; seen: {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                self.seen += os.read(self.master, 65536)
        self.seen = self.seen.partition(text)[2]

    def modes(self) -> list[object]:
        """Return the modes of the terminal."""
        return termios.tcgetattr(self.slave)

    def leave(self) -> None:
        """Close the window."""
        os.close(self.slave)
        os.close(self.master)
