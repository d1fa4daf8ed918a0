"""
The names of a log's rotated files: ``web.log.000017``, compressed ``web.log.000017.gz`` or ``.zst``.

Numbers grow and are never used again while a file of the log is there, so a file keeps its name until it is
compressed or removed, a rotation is one rename, and a reader who knows a number finds what comes behind it.  The
file that is written now, ``web.log``, will get the number behind the last one.
"""

from __future__ import annotations

import os

from runjd.values import Value

#: what the configuration calls a compression, and how names end
ENDINGS = {"none": "", "gzip": ".gz", "zstd": ".zst"}
_COMPRESSIONS = {ending: name for name, ending in ENDINGS.items()}


class Rotated(Value):
    """
    One rotated file.

    :ivar compression: none, gzip or zstd.
    """

    number: int
    path: str
    compression: str


def name(path: str, number: int, compression: str = "none") -> str:
    """Return the path of a rotated file."""
    return f"{path}.{number:06d}{ENDINGS[compression]}"


def rotated(path: str) -> list[Rotated]:
    """
    Return the rotated files of a log, oldest first.

    Where a file is there compressed and as it was (the daemon died between the two), the compressed one is
    whole, and the only one of the two that is returned.

    :raise OSError: the directory cannot be read.
    """
    found: dict[int, Rotated] = {}
    directory, base = os.path.split(path)
    base += "."
    for each in os.listdir(directory):
        if not each.startswith(base):
            continue
        number, dot, ending = each[len(base) :].partition(".")
        compression = _COMPRESSIONS.get(dot + ending)
        if compression is None or len(number) < 6 or not (number.isascii() and number.isdigit()):
            continue
        one = Rotated(int(number), os.path.join(directory, each), compression)
        if compression != "none" or one.number not in found:
            found[one.number] = one
    return [found[number] for number in sorted(found)]


def next_number(files: list[Rotated]) -> int:
    """Return the number of the file that is written now."""
    return files[-1].number + 1 if files else 1
