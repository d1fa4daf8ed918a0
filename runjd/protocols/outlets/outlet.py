"""What all outlets have in common: there is no file."""

from __future__ import annotations

from collections.abc import Callable

from runjd.logs.contract import LogFile
from runjd.policy.settings import LogRule


class Outlet(LogFile):
    """Where lines go to beside their file: there is nothing to rotate, and another rule has an outlet of its own."""

    def keep(self, rule: LogRule) -> None:
        pass

    def rotate(self, done: Callable[[OSError | None], None]) -> None:
        done(None)

    def reopen(self, done: Callable[[OSError | None], None]) -> None:
        done(None)
