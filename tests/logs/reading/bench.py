"""A log on disk for the tests of reading: written, rotated, renamed and cut as the daemon and others do it."""

from __future__ import annotations

import gzip
import os

from runjd.logs.formats.stamp import stamp
from runjd.logs.formats.table import FORMATS
from runjd.logs.names import name, next_number, rotated
from runjd.logs.reading.reader import LogReader
from runjd.policy.facts import LogQuery

#: the time of the first record; each later one is a second younger
BEGIN = 1_763_910_080.0


def at(second: int) -> str:
    """Return the time of the record of that number."""
    return stamp(BEGIN + second).decode()


class Log:
    """
    One log.

    :ivar count: how many records were written so far.
    """

    def __init__(self, directory: str, form: str = "cri") -> None:
        self.path = f"{directory}/web.log"
        self.form = form
        self.count = 0

    def write(self, count: int = 1, stream: str = "out", text: bytes = b"line %d") -> None:
        """Write so many lines, each with its number."""
        with open(self.path, "ab") as file:
            for _ in range(count):
                line = text % self.count + b"\n"
                at = stamp(BEGIN + self.count)
                file.write(b"".join(FORMATS[self.form].whole(at, stream, b"", line, len(line))))
                self.count += 1

    def add(self, data: bytes) -> None:
        """Write bytes as they are."""
        with open(self.path, "ab") as file:
            file.write(data)

    def rotate(self) -> None:
        """Give the file its number."""
        os.rename(self.path, name(self.path, next_number(rotated(self.path))))

    def compress(self) -> None:
        """Compress all rotated files."""
        for each in rotated(self.path):
            if each.compression == "none":
                with open(each.path, "rb") as file, gzip.open(each.path + ".gz", "wb") as packed:
                    packed.write(file.read())
                os.unlink(each.path)

    def read(self, is_following: bool = False, **query) -> LogReader:
        """Begin to read."""
        return LogReader(self.path, self.form, LogQuery(**query), is_following)


def rest(reader: LogReader, limit: int = 1) -> list[bytes]:
    """Return the texts of all lines up to the end."""
    found = []
    while not (page := reader.read(limit)).is_end:
        found += [line.text for line in page.lines]
    return found


def texts(log: Log, **query) -> list[bytes]:
    """Return the texts of the lines that are meant."""
    reader = log.read(**query)
    try:
        return rest(reader)
    finally:
        reader.close()


def numbers(*spans: range) -> list[bytes]:
    """Return the texts of the records of these numbers."""
    return [b"line %d" % number for span in spans for number in span]
