"""
The files of one log as a chain: the rotated ones, oldest first, then the one that is written now.

Each has a number that it keeps, so a place in it stays what it was when it is
rotated, compressed, and when others before it are removed.  All of that may
happen at any moment; whoever opens a file looks again afterwards.
"""

from __future__ import annotations

import os

from runjd.errors import InputOutput
from runjd.logs.names import Rotated, next_number, rotated
from runjd.logs.reading.source import Source, open_packed, open_plain
from runjd.values import Value

#: rotations that may happen while a file is opened
_TRIES = 10


class Link(Value):
    """One file of a log, open; ``is_last`` where it is the one that is written now."""

    number: int
    source: Source
    is_last: bool


class Chain:
    """
    The files of one log.

    :param path: of the file that is written now.
    """

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def numbers(self) -> list[int]:
        """Return the numbers of all files; the last is of the one that is written now, be it there or not."""
        files = self._rotated()
        return [*(each.number for each in files), next_number(files)]

    def open(self, number: int) -> Link | None:
        """
        Return a file, None where there is none of that number.

        :raise InputOutput: it cannot be read.
        """
        for _ in range(_TRIES):
            files = self._rotated()
            found = next((each for each in files if each.number == number), None)
            is_last = found is None and number == next_number(files)
            if found is None and not is_last:
                return None
            if found is not None and found.compression != "none":
                source = open_packed(found)
            else:
                source = open_plain(self.path if found is None else found.path)
            if not is_last:
                if source is not None:
                    return Link(number, source, False)
                continue  # it was compressed or removed in between
            if source is None:
                if next_number(self._rotated()) == number:
                    return None
            elif next_number(self._rotated()) == number and self.is_last(source):
                return Link(number, source, True)
            else:
                source.close()  # it was rotated in between
        raise InputOutput(f"{self.path}: is rotated faster than it can be read")

    def is_last(self, source: Source) -> bool:
        """Whether this is the file that is written now."""
        return self.identity() == source.identity

    def identity(self) -> tuple[int, int] | None:
        """Return the identity of the file that is written now, None where there is none."""
        try:
            found = os.lstat(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise InputOutput(f"{self.path}: {error.strerror}") from error
        return (found.st_dev, found.st_ino)

    def _rotated(self) -> list[Rotated]:
        try:
            return rotated(self.path)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise InputOutput(f"{self.path}: {error.strerror}") from error
