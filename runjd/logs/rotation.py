"""
Rotating a log: one rename, so that whenever the daemon dies each line is in exactly one file.

What is too old is removed behind it, and what was left to be compressed by a daemon that died is found again.
"""

from __future__ import annotations

import os

from runjd.logs.names import Rotated, name, next_number, rotated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.policy.settings import LogRule


def rotate(path: str, rule: LogRule) -> list[Rotated]:
    """
    Give the file of a log its number, and remove those that are no longer kept.

    :return: the files that are to be compressed.
    :raise OSError: it could not be renamed; nothing was changed.
    """
    os.rename(path, name(path, next_number(rotated(path))))
    return settle(path, rule)


def settle(path: str, rule: LogRule) -> list[Rotated]:
    """
    Remove what is no longer kept, and what is there twice.

    :return: the files that are to be compressed.
    """
    files = rotated(path)
    surplus = max(0, len(files) - rule.keep)
    for old in files[:surplus]:
        _remove(old.path)
    for kept in files:
        if kept.compression != "none":
            _remove(name(path, kept.number))  # the daemon died between the two
    return [each for each in files[surplus:] if rule.compress != "none" and each.compression == "none"]


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # it is not there, or will be tried again at the next rotation
