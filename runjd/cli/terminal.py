"""
The person's terminal while a jail's program has it: raw mode, size, detach keys.

A terminal belongs to whoever started us.  Its modes are properties of the device,
not of our descriptor, so whatever we change stays changed when we are gone: see
:meth:`Terminal.leave`.  Its descriptors are shared with the shell, so they are
never made non-blocking; :meth:`Terminal.open_own` opens the device once more for
that (termios(4), open(2)).
"""

from __future__ import annotations

import errno
import os
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from types import TracebackType
    from typing import Self
else:
    import _signal

DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"

#: greatest number of rows or columns that the protocol takes
MAX_SIDE = 9999

_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6


class Terminal:
    """
    The terminal behind a descriptor; as a context it is in raw mode inside.

    :param fd: a descriptor of a terminal, which stays the caller's.
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._before: list[int | list[bytes | int]] | None = None

    def __enter__(self) -> Self:
        self.enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()

    def enter(self) -> None:
        """
        Pass every key on as it is, and write every byte as it is.

        May be called again: after SIGCONT the shell has put its own modes back.
        """
        modes = termios.tcgetattr(self.fd)
        if self._before is None:
            self._before = [*modes[:_CC], list(modes[_CC])]
        modes[_IFLAG] &= ~(
            termios.IGNBRK
            | termios.BRKINT
            | termios.PARMRK
            | termios.INPCK
            | termios.ISTRIP
            | termios.INLCR
            | termios.IGNCR
            | termios.ICRNL
            | termios.IXON
            | termios.IXOFF
        )
        modes[_OFLAG] &= ~termios.OPOST
        modes[_CFLAG] = modes[_CFLAG] & ~(termios.CSIZE | termios.PARENB) | termios.CS8
        modes[_LFLAG] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
        modes[_CC][termios.VMIN] = 1
        modes[_CC][termios.VTIME] = 0
        termios.tcsetattr(self.fd, termios.TCSADRAIN, modes)

    def leave(self) -> None:
        """
        Put back the modes that were found; nothing to do where none were changed.

        A terminal that is gone (hung up) needs nothing. SIGTTOU is ignored
        meanwhile: we may have been put into the background, and must not stop here.
        """
        if self._before is None:
            return
        before, self._before = self._before, None
        disposition = _signal.signal(_signal.SIGTTOU, _signal.SIG_IGN)
        try:
            termios.tcsetattr(self.fd, termios.TCSADRAIN, before)
        except termios.error:
            pass
        finally:
            _signal.signal(_signal.SIGTTOU, disposition if disposition is not None else _signal.SIG_DFL)

    def size(self) -> tuple[int, int] | None:
        """Return (rows, columns), None where the terminal does not know."""
        return window_size(self.fd)

    def open_own(self) -> int | None:
        """
        Open the device once more, non-blocking, for us alone.

        :return: a descriptor that the caller closes; None where the device cannot
            be opened (its name is not ours after su(1), or is not in this /dev).
        """
        try:
            return os.open(os.ttyname(self.fd), os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            return None


class DetachKeys:
    """
    Finds the detach keys in what is typed.

    The beginning of the sequence is held back, as it may be the sequence. Whoever
    waits longer than a moment may have it by :meth:`release`; the keys are still
    recognised afterwards, the program has then seen their beginning.

    :param keys: the sequence; empty for none.
    """

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._matched = 0
        self._held = 0
        # length of the longest proper prefix that is a suffix too, for each prefix (Knuth, Morris, Pratt)
        self._shorter = [0] * (len(keys) + 1)
        length = 0
        for index in range(1, len(keys)):
            while length and keys[index] != keys[length]:
                length = self._shorter[length]
            length += keys[index] == keys[length]
            self._shorter[index + 1] = length

    @property
    def is_holding(self) -> bool:
        """Whether bytes are held back."""
        return self._held > 0

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        """
        Take what was typed.

        :return: what to pass on, and whether the keys were found (what follows
            them is dropped).
        """
        keys = self._keys
        if not keys or (not self._matched and keys[0] not in data):
            return data, False
        passed = bytearray()
        for byte in data:
            while self._matched and byte != keys[self._matched]:
                shorter = self._shorter[self._matched]
                if self._held > shorter:
                    passed += keys[self._matched - self._held : self._matched - shorter]
                    self._held = shorter
                self._matched = shorter
            if byte == keys[self._matched]:
                self._matched += 1
                self._held += 1
                if self._matched == len(keys):
                    return bytes(passed), True
            else:
                passed.append(byte)
        return bytes(passed), False

    def release(self) -> bytes:
        """Return what is held back."""
        held = self._keys[self._matched - self._held : self._matched]
        self._held = 0
        return held


def parse_keys(text: str) -> bytes:
    """
    Return the bytes of a key sequence.

    :param text: keys as ``ctrl-p,ctrl-q`` or ``^P^Q`` or single characters, with
        commas between them where wanted; ``none`` or nothing for no keys.
    :raise ValueError: with a sentence that says what is wrong.
    """
    if text in ("", "none"):
        return b""
    keys = bytearray()
    for word in text.split(","):
        if not word:
            raise ValueError(f'no key between two commas in "{text}"')
        keys += _parse_word(word)
    return bytes(keys)


def window_size(fd: int) -> tuple[int, int] | None:
    """Return (rows, columns) of the terminal behind ``fd``, None where it is none or does not know."""
    try:
        columns, rows = os.get_terminal_size(fd)
    except OSError:
        return None
    return (min(rows, MAX_SIDE), min(columns, MAX_SIDE)) if rows > 0 and columns > 0 else None


def is_gone(error: OSError) -> bool:
    """Whether the error says that the terminal or the reader behind a descriptor went away."""
    return error.errno in (errno.EIO, errno.EPIPE, errno.ENXIO, errno.ECONNRESET)


def _parse_word(word: str) -> bytes:
    lowered = word.lower()
    if lowered.startswith("ctrl-"):
        return _control(word[5:], word)
    keys = bytearray()
    rest = word
    while rest:
        if rest[0] == "^" and len(rest) > 1:
            keys += _control(rest[1], word)
            rest = rest[2:]
        elif " " < rest[0] <= "~":
            keys += rest[0].encode()
            rest = rest[1:]
        else:
            raise ValueError(f'"{word}" is not a key; write keys as ctrl-p,ctrl-q or ^P^Q, or none')
    return bytes(keys)


def _control(key: str, word: str) -> bytes:
    if len(key) == 1 and "@" <= key.upper() <= "_":
        return bytes([ord(key.upper()) & 0x1F])
    raise ValueError(f'"{word}" is not a key; control takes a letter or one of @ [ \\ ] ^ _')
