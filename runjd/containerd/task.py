"""One task: a container of containerd, its init process and its execs, as the next daemon must know them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import DeferredLock

from runjd.containerd.process import TaskProcess, process_from_json
from runjd.containerd.untold import Untold, untold_from_json
from runjd.errors import NotFound
from runjd.protocols.ttrpc.call import Origin

#: ends of execs that were deleted, remembered for a repeated call
_GONE_MAX = 16


class Task:
    """
    One task.

    :param origin: which containerd, and which of its namespaces.
    :param id: unique there.
    :param runtime: name of the runtime that makes its jail.
    :ivar lock: held by what changes it; what only looks, and kill, do not wait.
    :ivar deleted: the call that deleted it; its end is told until containerd has cleaned up.
    :ivar is_forgotten: nothing is written of it any more.
    :ivar gone: by exec id: the call that deleted the exec, its pid, status and time.
    :ivar is_announced: that it was made is told, or in :attr:`untold`.
    :ivar untold: events that containerd has not taken, in order.
    """

    __slots__ = (
        *("bundle", "deleted", "execs", "gone", "id", "init", "is_announced", "is_forgotten", "is_paused", "jail"),
        *("lock", "origin", "runtime", "untold"),
    )

    def __init__(self, origin: Origin, id: str, bundle: str, runtime: str, init: TaskProcess) -> None:
        self.origin = origin
        self.id = id
        self.jail = origin.jail(id)
        self.bundle = bundle
        self.runtime = runtime
        self.init = init
        self.execs: dict[str, TaskProcess] = {}
        self.is_paused = False
        self.is_forgotten = False
        self.deleted = ""
        self.gone: dict[str, list[Any]] = {}
        self.is_announced = False
        self.untold: list[Untold] = []
        self.lock: Any = DeferredLock()

    @property
    def standing(self) -> str:
        """What its clients know it as: ``created``, ``running``, ``paused`` or ``stopped``."""
        if self.init.status == "running":
            return "paused" if self.is_paused else "running"
        return "stopped" if self.init.status == "stopped" else "created"

    def process(self, exec_id: str) -> TaskProcess:
        """Return init, or an exec. :raise NotFound: there is none."""
        if not exec_id:
            return self.init
        try:
            return self.execs[exec_id]
        except KeyError:
            raise NotFound(f"process does not exist {exec_id}: not found") from None

    def processes(self) -> Iterator[TaskProcess]:
        """Go through all, init first."""
        yield self.init
        yield from tuple(self.execs.values())

    def tells_end(self, process: TaskProcess) -> bool:
        """Whether the end of a process is among what is to be told."""
        return any(each.pid == process.pid and each.exec_id == process.exec_id for each in self.untold if each.pid)

    def forget_exec(self, process: TaskProcess, mark: str) -> None:
        """Let go of an exec; its end is remembered for a while."""
        del self.execs[process.exec_id]
        end = process.end
        self.gone[process.exec_id] = [mark, process.pid, end.status if end else 0, end.at if end else 0.0]
        while len(self.gone) > _GONE_MAX:
            del self.gone[next(iter(self.gone))]

    def to_json(self) -> dict[str, object]:
        """Return what the next daemon must know."""
        return {
            "origin": self.origin,
            "id": self.id,
            "bundle": self.bundle,
            "runtime": self.runtime,
            "init": self.init.to_json(),
            "execs": [each.to_json() for each in self.execs.values()],
            "paused": self.is_paused,
            "deleted": self.deleted,
            "gone": self.gone,
            "announced": self.is_announced,
            "untold": [each.to_json() for each in self.untold],
        }


def task_from_json(document: Any) -> Task:
    """Return a task as it was written down. :raise ValueError: it cannot be read."""
    try:
        init = process_from_json(document["init"])
        made = Task(Origin(*document["origin"]), document["id"], document["bundle"], document["runtime"], init)
        made.execs = {each["exec"]: process_from_json(each) for each in document["execs"]}
        made.is_paused, made.deleted, made.gone = document["paused"], document["deleted"], document["gone"]
        made.is_announced = document.get("announced", True)  # version 0.1 did not write these down
        made.untold = [untold_from_json(each) for each in document.get("untold", ())]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no task: {error!r}") from error
    return made
