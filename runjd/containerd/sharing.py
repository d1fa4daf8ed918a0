"""One keeper for the jails of the configuration and for those of tasks: who hears of what."""

from __future__ import annotations

from typing import Protocol

from runjd.protocols.keeperclient import KeeperListener
from runjd.protocols.keeperreplies import Exited, Found


class TaskListener(Protocol):
    """Hears of the keeper what concerns tasks; :class:`runjd.containerd.tasks.Tasks`, or who stands before them."""

    def knows(self, jail: str) -> bool:
        """Whether a jail is that of a task."""

    def process_found(self, found: Found) -> None:
        """Take a process over."""

    def process_exited(self, exited: Exited) -> None:
        """A process ended."""

    def ready(self) -> None:
        """All was told."""

    def keeper_lost(self, reason: str) -> None:
        """Another keeper will tell what there is."""


class SharedKeeper:
    """A :class:`runjd.protocols.keeperclient.KeeperListener` that passes on to one of two."""

    def __init__(self, tasks: TaskListener, others: KeeperListener) -> None:
        self._tasks = tasks
        self._others = others

    def process_found(self, found: Found) -> None:
        self._of(found.jail).process_found(found)

    def process_exited(self, exited: Exited) -> None:
        self._of(exited.jail).process_exited(exited)

    def leftover_found(self, jail: str) -> None:
        if not self._tasks.knows(jail):  # containerd will have it removed
            self._others.leftover_found(jail)

    def keeper_troubled(self, reason: str) -> None:
        self._others.keeper_troubled(reason)

    def ready(self) -> None:
        try:
            self._tasks.ready()
        finally:
            self._others.ready()

    def keeper_lost(self, reason: str) -> None:
        try:
            self._tasks.keeper_lost(reason)
        finally:
            self._others.keeper_lost(reason)

    def _of(self, jail: str) -> KeeperListener | TaskListener:
        return self._tasks if self._tasks.knows(jail) else self._others
