"""The tasks on disk: one file for each, replaced whenever something happens to it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from twisted.logger import Logger

from runjd.containerd.task import Task, task_from_json
from runjd.errors import RunjdError
from runjd.supervise.wholefiles import read_json, write_whole

#: of a task, and of one that was deleted
_ENDINGS = (".json", ".deleted")


class TaskStore:
    """
    A directory of tasks.

    :param directory: absolute, and writable for nobody else; volatile.
    :param boot: identifies this boot of the host; what an earlier one left is void.
    """

    _log = Logger()

    def __init__(self, directory: str, boot: str) -> None:
        self._directory = directory
        self._boot = boot
        self._is_closed = False

    def close(self) -> None:
        """Write nothing any more: the directory is the next daemon's."""
        self._is_closed = True

    def save(self, task: Task) -> None:
        """Write or replace one, at once or not at all. :raise InputOutput: the disk refuses."""
        if self._is_closed:
            return
        document = {"boot": self._boot, **task.to_json()}
        write_whole(self._path(task), json.dumps(document).encode("utf-8", "surrogateescape"))
        if task.deleted:
            self._remove(self._path(task, is_deleted=False))

    def keep(self, task: Task) -> bool:
        """Write a task down where that can be, unless it is forgotten; whether it is as it should be."""
        try:
            if not task.is_forgotten:
                self.save(task)
        except RunjdError as error:
            self._log.error("task {task}: {error}", task=task.jail, error=error)
            return False
        return True

    def remove(self, task: Task) -> None:
        """Forget one; nothing to do is no error."""
        if self._is_closed:
            return
        self._remove(self._path(task, is_deleted=False))
        self._remove(self._path(task, is_deleted=True))

    def load(self) -> Iterator[Task]:
        """Return all of this boot that can be read; others are removed, and what cannot be read is told."""
        for name in sorted(os.listdir(self._directory)):
            path = os.path.join(self._directory, name)
            if not name.endswith(_ENDINGS):
                continue
            try:
                document = read_json(path)
                if document["boot"] == self._boot:
                    yield task_from_json(document)
                    continue
                os.unlink(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                self._log.error("the record {path} of a task cannot be used: {error}", path=path, error=error)

    def _path(self, task: Task, is_deleted: bool | None = None) -> str:
        wanted = bool(task.deleted) if is_deleted is None else is_deleted
        return os.path.join(self._directory, task.jail + _ENDINGS[wanted])

    def _remove(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            self._log.error("cannot remove {path}: {error}", path=path, error=error)
