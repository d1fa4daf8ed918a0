"""The logs of a soak that the daemon is done with, moved out of its way as on a host whose logs are collected."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable

from runjd.logs.names import Rotated, rotated
from tests.faults.logged import LoggedDaemon
from tests.unpacked import open_rotated

#: rotated files that are left where they are: they may still be compressed, and the newest keeps the number
_LEFT = 20


class Archive:
    """
    Collects logs, so that the daemon has as many at any time, however long it runs.

    A directory that has more files by the minute takes more memory to be listed by the minute, which is nothing
    that the daemon keeps.
    """

    def __init__(self, daemon: LoggedDaemon) -> None:
        self._daemon = daemon
        self._directory = os.path.join(daemon.directory, "archive")
        os.mkdir(self._directory)

    def collect(self, names: Iterable[str], there: Container[str]) -> None:
        """
        Move what is old, and all of the jails that are gone.

        :param names: of all jails that there ever were.
        :param there: the names of those that there are.
        """
        for name in names:
            path = self._daemon.log(name)
            if name in there:
                for each in rotated(path)[:-_LEFT]:
                    self._move(each.path)
            elif os.path.exists(path):
                for each in (*(each.path for each in rotated(path)), path):
                    self._move(each)

    def files(self, name: str) -> list[bytes]:
        """Return the contents of all files of a log, oldest first."""
        last = [Rotated(0, path, "none") for path in (self._path(name), self._daemon.log(name)) if os.path.exists(path)]
        contents = []
        for each in (*self._rotated(name), *last):
            with open_rotated(each) as file:
                contents.append(file.read())
        return contents

    def has_dropped(self, name: str, keep: int) -> bool:
        """Whether more files of a log were rotated than are kept."""
        found = self._rotated(name)
        return len(found) == keep and found[0].number > 1

    def _rotated(self, name: str) -> list[Rotated]:
        """Return what was rotated, oldest first: once what was moved while the daemon compressed it."""
        found = {each.number: each for path in (self._path(name), self._daemon.log(name)) for each in rotated(path)}
        return [found[number] for number in sorted(found)]

    def _path(self, name: str) -> str:
        return os.path.join(self._directory, f"{name}.log")

    def _move(self, path: str) -> None:
        target = os.path.join(self._directory, os.path.basename(path))
        if not os.path.exists(target):
            os.rename(path, target)
