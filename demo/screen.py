"""A person at a terminal: types, reads, and goes away."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import termios
import time

from stage import Broken

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][0-9A-Z]?|[\x00-\x08\x0b-\x1f]")
DETACH = "\x10\x11"  # ctrl-p ctrl-q


class Screen:
    """
    Runs a program on a terminal of our own.

    :param size: rows and columns of the terminal.
    """

    def __init__(self, path: str, words: list[str], environment: dict[str, str], size: tuple[int, int]) -> None:
        self.text = ""
        self._seen = 0
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            try:
                os.execve(path, words, environment)
            finally:
                os._exit(127)

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._master, keys.encode())

    def expect(self, text: str, seconds: float = 10.0) -> None:
        """Read until the text appears, behind what was expected before."""
        deadline = time.monotonic() + seconds
        while (found := self.text.find(text, self._seen)) < 0:
            if time.monotonic() > deadline or not self._read(deadline):
                raise Broken(f"the terminal never showed {text!r}, but: {self.text!r}")
        self._seen = found + len(text)

    def wait_raw(self, seconds: float = 10.0) -> None:
        """Wait until the program takes each key as it comes."""
        deadline = time.monotonic() + seconds
        while termios.tcgetattr(self._master)[3] & termios.ICANON:
            if time.monotonic() > deadline:
                raise Broken("the terminal is never put into raw mode")
            time.sleep(0.01)

    def end(self, seconds: float = 10.0) -> int:
        """Wait for the program; returns its exit status."""
        deadline = time.monotonic() + seconds
        while self._read(deadline):
            pass
        os.close(self._master)
        _, status = os.waitpid(self._pid, 0)
        return os.waitstatus_to_exitcode(status)

    def lines(self) -> list[str]:
        """Return what a person saw."""
        shown = ESCAPES.sub("", self.text.replace("\r\n", "\n"))
        return [line.rstrip() for line in shown.splitlines() if line.strip()]

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise Broken(f"the program on the terminal hangs; it showed: {self.text!r}")
        chunk = b""
        with contextlib.suppress(OSError):  # EIO: the program is gone
            chunk = os.read(self._master, 65536)
        self.text += chunk.decode(errors="replace")
        return bool(chunk)
