"""What a person or a script says to a program of the machine, and hears from it."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.peers.machine import PATIENCE, Machine, Program


class Conversation:
    """
    A program whose input and output somebody holds.

    :ivar program: the program.
    :ivar heard: all it wrote so far.
    """

    def __init__(self, program: Program, ears: int, mouth: int) -> None:
        self.program = program
        self.heard = b""
        self._ears = ears
        self._mouth = mouth
        self._at = 0
        os.set_blocking(mouth, False)

    def say(self, data: bytes) -> None:
        """Write to it, and hear what it writes meanwhile."""
        while data:
            can_hear, can_say, _ = select.select([self._ears], [self._mouth], [], PATIENCE)
            assert can_hear or can_say, f"it takes no more input; it wrote {self.heard[-1000:]!r}"
            if can_hear:
                self._hear()
            if can_say:
                data = data[os.write(self._mouth, data) :]

    def expect(self, text: bytes, patience: float = PATIENCE) -> None:
        """
        Hear until something new was said.

        :raise AssertionError: it was not said in time, or everything is said.
        """
        deadline = time.monotonic() + patience
        while text not in self.heard[self._at :]:
            left = max(0.0, deadline - time.monotonic())
            hears = bool(select.select([self._ears], [], [], left)[0]) and self._hear()
            assert hears, f"waiting for {text!r}, heard {self.heard[self._at :]!r}"
        self._at = self.heard.index(text, self._at) + len(text)

    def listen(self, seconds: float) -> None:
        """Hear what it says next, and wait no longer than that for it."""
        if select.select([self._ears], [], [], seconds)[0]:
            self._hear()

    def end(self) -> None:
        """Close its input."""
        os.close(self._mouth)
        self._mouth = -1

    def rest(self) -> bytes:
        """Hear it out, and return all it ever wrote."""
        while True:
            assert select.select([self._ears], [], [], PATIENCE)[0], f"does not end; heard {self.heard[-1000:]!r}"
            if not self._hear():
                return self.heard

    def status(self) -> int:
        """Hear it out, and return its exit status."""
        self.rest()
        return self.program.wait()

    def resize(self, rows: int, columns: int) -> None:
        """Give the terminal another size."""
        fcntl.ioctl(self._ears, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def expect_sized(self, text: bytes, rows: int, columns: int) -> None:
        """Hear until it says something by the size that it is given; a program hears of none before it asked to."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.heard[self._at :] and time.monotonic() < deadline:
            self.resize(rows + 1, columns)
            self.resize(rows, columns)
            self.listen(1.0)
        self.expect(text, 0.0)

    def close(self) -> None:
        """Let go of its input and output."""
        for each in {self._ears, self._mouth} - {-1}:
            os.close(each)

    def _hear(self) -> bool:
        try:
            data = os.read(self._ears, 1 << 16)
        except OSError:
            # nobody has the terminal any more
            return False
        self.heard += data
        return bool(data)


@contextmanager
def piped(machine: Machine, argv: Sequence[str]) -> Iterator[Conversation]:
    """Start a program with pipes: one for its input, one for both of its outputs."""
    stdin, mouth = os.pipe()
    ears, stdout = os.pipe()
    yield from _talk(machine, argv, [stdin, stdout, stdout], ears, mouth, terminal=False)


@contextmanager
def on_terminal(machine: Machine, argv: Sequence[str], rows: int = 24, columns: int = 80) -> Iterator[Conversation]:
    """Start a program on a terminal of its own."""
    master, slave = os.openpty()
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    yield from _talk(machine, argv, [slave, slave, slave], master, master, terminal=True)


def _talk(
    machine: Machine, argv: Sequence[str], descriptors: list[int], ears: int, mouth: int, *, terminal: bool
) -> Iterator[Conversation]:
    try:
        program = machine.start(argv, descriptors, terminal=terminal, env={"TERM": "vt100"} if terminal else None)
    finally:
        for each in set(descriptors):
            os.close(each)
    conversation = Conversation(program, ears, mouth)
    try:
        with program:
            yield conversation
    finally:
        conversation.close()
