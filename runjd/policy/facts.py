"""
What is known of a jail, in the design's words.

want, status, phase, ready and health are separate facts, never one enum: what
the operator asked, the OCI status, where supervision stands, whether the jail
said it is ready, and what the probe says.
"""

from __future__ import annotations

from runjd.policy.settings import Settings
from runjd.values import Value

WANTS = ("up", "down", "once")
STATUSES = ("creating", "created", "running", "paused", "stopped", "-")
PHASES = ("idle", "waiting", "starting", "running", "stopping", "backoff", "failed", "unknown")
READY = ("yes", "no", "-")
HEALTH = ("healthy", "unhealthy", "starting", "-")


class ExitRecord(Value):
    """
    How a process ended.

    ``status`` is the exit status and ``signal`` the signal's number; exactly one
    is not None, or neither where nobody could see it (``unknown``).  ``at`` is
    wall time, seconds since the epoch, of the reap.  ``oom``: the kernel killed
    it, or what it waited for, because memory ran out; None where that is not known.
    """

    pid: int
    status: int | None
    signal: int | None
    at: float
    core: bool = False
    oom: bool | None = None

    @property
    def is_known(self) -> bool:
        """Whether anybody saw how the process ended."""
        return self.status is not None or self.signal is not None


class Definition(Value):
    """What the operator asked to be run; ``bundle`` is an absolute path, ``size`` is (rows, columns)."""

    id: str
    bundle: str
    runtime: str
    stdin: bool = False
    size: tuple[int, int] | None = None
    #: forget the jail once it has ended
    remove: bool = False
    settings: Settings = Settings()


class Facts(Value):
    """One jail as it is now; times are wall time in seconds, 0.0 where there is none."""

    id: str
    want: str
    status: str
    phase: str
    ready: str
    health: str
    definition: Definition
    terminal: bool = False
    pid: int = 0
    jid: int = 0
    started_at: float = 0.0
    restarts: int = 0
    last_exit: ExitRecord | None = None
    #: why the phase is what it is, for people; empty where there is nothing to say
    reason: str = ""
    #: what the runtime had to say of the last start, as "runs without isolation"
    notices: tuple[str, ...] = ()
    #: what the program says of itself, as sd_notify(3) has it; empty where it says nothing
    says: str = ""
    #: seconds until it is started again by itself; None: it is not
    next_in: float | None = None
    #: whether it comes up at boots; None: nobody said
    enabled: bool | None = None
    #: bytes that were left out of its log in this life of the daemon
    log_lost: int = 0
    #: whether the configuration tells of it; else RUN does
    is_configured: bool = False


#: how a session wants its input to reach the process
INPUTS = ("free", "yes", "no", "share", "steal")


class SessionFacts(Value):
    """
    One session: somebody who looks on at a process, and perhaps types.

    :ivar number: identifies it in this life of the daemon.
    :ivar kind: run, attach or exec.
    :ivar exec_id: the exec process; empty for the init process of the jail.
    :ivar by: who asked for it, as ``uid:1001``.
    :ivar at: wall time of its beginning, in seconds.
    :ivar types: whether its input reaches the process.
    :ivar is_paused: whether its viewer takes nothing at this moment.
    :ivar lost: bytes that were left out, for a viewer that did not take them.
    """

    number: int
    kind: str
    jail: str
    exec_id: str
    pid: int
    by: str
    at: float
    types: bool = False
    is_paused: bool = False
    lost: int = 0


class Event(Value):
    """One change of one jail (``jail`` is empty for the daemon's own); ``details`` in the order they are shown."""

    seq: int
    at: float
    jail: str
    ev: str
    details: tuple[tuple[str, str], ...] = ()


class Upgraded(Value):
    """
    What an upgrade comes to: versions of the daemon and of the keeper, before and after.

    :ivar keeper_before: empty, as ``keeper_after``, where the keeper stays as it is; ``notice`` tells why.
    """

    before: str
    after: str
    keeper_before: str
    keeper_after: str
    notice: str = ""


class LogLine(Value):
    """A line of a jail's log; ``at`` is RFC 3339, ``stream`` is out or err; ``partial``: more of this line follows."""

    at: str
    stream: str
    partial: bool
    text: bytes


class LogPosition(Value):
    """
    A place in a log, over all its files; positions are in the order of the lines.

    :ivar number: of the file; it keeps it when it is rotated.
    :ivar offset: bytes from its beginning, before it was compressed.
    """

    number: int
    offset: int


class LogQuery(Value):
    """
    Which lines of a log are wanted.

    :ivar lines: the last so many of what the others leave; None: all.
    :ivar position: none before this place; None: from the oldest that is there.
    :ivar since: none before this time, as ``2026-11-23T15:01:20.102000000Z``; empty: from the first.
    :ivar until: none of this time or later; empty: to the last.
    :ivar stream: only those of out or err; empty: of both.
    """

    lines: int | None = None
    position: LogPosition | None = None
    since: str = ""
    until: str = ""
    stream: str = ""


class LogPage(Value):
    """
    Some lines of a log.

    :ivar next: the place behind them.
    :ivar is_end: there are no more, now.
    :ivar missing: so many files before these lines were removed before they could be read.
    """

    lines: tuple[LogLine, ...]
    next: LogPosition
    is_end: bool = False
    missing: int = 0
