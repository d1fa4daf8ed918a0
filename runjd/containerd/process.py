"""One process of a task: what it is, how far it came, and what the next daemon must know of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from runjd.containerd.ends import End
from runjd.containerd.streams import Streams
from runjd.errors import Cancelled, RunjdError
from runjd.policy.facts import ExitRecord
from runjd.protocols.ttrpc.call import Call

#: ``creating``: the keeper was asked for a jail; ``added``: an exec that was not started; ``created``: an init that
#: waits; ``starting``: the keeper was asked for its program, or for the exec
STATUSES = ("creating", "added", "created", "starting", "running", "stopped")
#: prefix of an exec's name at the keeper, where ``init`` means something else
_PREFIX = "e."


class Piping(Protocol):
    """Whatever copies the output of a process, where it does not write to where that goes by itself."""

    def exited(self, record: ExitRecord) -> None:
        """It ended: take the rest of its output."""

    def resize(self, rows: int, columns: int) -> None:
        """Set the size of its terminal."""

    def close_input(self) -> None:
        """No client writes any more: what is queued is the last."""

    def done(self) -> Deferred[None]:
        """Fire once all its output is where it goes."""

    def let_go(self) -> None:
        """Close everything; the keeper has its own ends."""


class TaskProcess:
    """
    The init process of a task, or an exec.

    :param exec_id: empty for init.
    :param spec: of an exec: ``process`` as in config.json.
    :param asked: the call that made it.
    :ivar started: the call that started it.
    :ivar logger: pid and start time of the program that reads what it writes.
    :ivar size: (rows, columns) that its terminal shall have.
    :ivar is_input_closed: no client writes to it any more.
    :ivar end: how it ended.
    :ivar is_over: whoever waits for that was answered: all that must be told before is told.
    :ivar is_told: containerd has heard it as an event.
    :ivar is_starting: its start is under way in this daemon.
    :ivar piping: what copies its output.
    :ivar readers: reading ends of the FIFOs that it writes to, so that what nobody read yet outlives it.
    :ivar pending: an exit that came before the answer of its start.
    """

    __slots__ = (
        "asked",
        "end",
        "exec_id",
        "is_input_closed",
        "is_over",
        "is_starting",
        "is_told",
        "logger",
        "pending",
        "pid",
        "piping",
        "readers",
        "size",
        "spec",
        "started",
        "status",
        "streams",
        "waiting",
    )

    def __init__(self, exec_id: str, streams: Streams, spec: Mapping[str, Any], asked: str, status: str) -> None:
        self.exec_id = exec_id
        self.streams = streams
        self.spec = spec
        self.asked = asked
        self.status = status
        self.started = ""
        self.pid = 0
        self.logger: tuple[int, ...] = ()
        self.size: tuple[int, int] | None = None
        self.is_input_closed = False
        self.end: End | None = None
        self.is_over = False
        self.is_told = False
        self.is_starting = False
        self.piping: Piping | None = None
        self.readers: list[int] = []
        self.pending: ExitRecord | None = None
        self.waiting: list[Deferred[End]] = []

    @property
    def name(self) -> str:
        """What the keeper calls it; empty for init."""
        return name_of(self.exec_id)

    @property
    def lives(self) -> bool:
        """Whether there is a process that can be signalled."""
        return bool(self.pid) and self.status in ("created", "starting", "running")

    def wait(self) -> Deferred[End]:
        """Fire when it has ended, and that was told; may be cancelled."""
        waiting: Deferred[End] = Deferred(self._no_longer)
        if self.is_over and self.end is not None:
            waiting.callback(self.end)
        else:
            self.waiting.append(waiting)
        return waiting

    def never_ran(self, reason: RunjdError) -> None:
        """Tell whoever waits that there is no end to wait for; where there was one, it is told, or will be."""
        if self.end is None:
            waiting, self.waiting = self.waiting, []
            for each in waiting:
                each.errback(reason)

    def to_json(self) -> dict[str, object]:
        """Return what the next daemon must know."""
        return {
            "exec": self.exec_id,
            "streams": list(self.streams),
            "spec": self.spec,
            "asked": self.asked,
            "started": self.started,
            "status": self.status,
            "pid": self.pid,
            "logger": self.logger,
            "input_closed": self.is_input_closed,
            "end": self.end,
            "told": self.is_told,
        }

    def _no_longer(self, waiting: Deferred[End]) -> None:
        self.waiting = [each for each in self.waiting if each is not waiting]
        waiting.errback(Cancelled("no longer waited for"))


def name_of(exec_id: str) -> str:
    """Return what the keeper calls a process."""
    return _PREFIX + exec_id if exec_id else ""


def exec_of(name: str) -> str:
    """Return the exec id of a process that the keeper names so."""
    return name.removeprefix(_PREFIX)


def mark_of(call: Call) -> str:
    """Return what identifies a call, and a repetition of it."""
    return f"{call.caller.connection}/{call.caller.stream}"


def process_from_json(document: Any) -> TaskProcess:
    """Return a process as it was written down. :raise ValueError: it cannot be read."""
    try:
        stdin, stdout, stderr, terminal = document["streams"]
        made = TaskProcess(
            document["exec"], Streams(stdin, stdout, stderr, terminal), document["spec"], document["asked"], "stopped"
        )
        made.status, made.pid, made.started = document["status"], document["pid"], document["started"]
        made.logger = tuple(document["logger"])
        made.end = End(*document["end"]) if document["end"] is not None else None
        made.is_told, made.is_input_closed = document["told"], document["input_closed"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"no process of a task: {error!r}") from error
    return made
