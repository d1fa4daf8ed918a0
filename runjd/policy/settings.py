"""
How a jail shall be kept: what runjd.toml can say of it, as values.

Each default is the documented one: ``Settings()`` is what a jail of RUN gets, and a
table of the configuration differs from it in one point only, restart = on-failure.
Times are seconds.
"""

from __future__ import annotations

from runjd.values import Value

RESTARTS = ("never", "on-failure", "always", "unless-stopped")
READINESS = ("start", "fd", "notify", "log", "probe")
PROBES = ("exec", "tcp", "http")
ACTIONS = ("none", "restart", "stop", "kill")
FORMATS = ("raw", "ts", "json", "cri")
PRESSURES = ("block", "drop")
COMPRESSIONS = ("none", "gzip", "zstd")


class RestartRule(Value):
    """
    Whether a jail that ended by itself is started again.

    :ivar kind: one of :data:`RESTARTS`.
    :ivar tries: of ``on-failure``: how many failures in a row are answered by a start; None: all.
    :ivar success_statuses: exit statuses that are no failure.
    :ivar success_signals: numbers of signals whose death is no failure.
    """

    kind: str = "never"
    tries: int | None = None
    success_statuses: tuple[int, ...] = (0,)
    success_signals: tuple[int, ...] = ()


class BackoffRule(Value):
    """
    How long it is waited before a start that follows an end.

    :ivar jitter: the delay is longer by a random part of up to this share of it.
    :ivar reset_after: a run that lasted so long makes the next delay the first again.
    :ivar burst: so many starts within ``window`` end in the phase ``failed``; 0: never.
    :ivar slow_retry: a jail that ``failed`` is tried again after so long; None: only by hand.
    """

    first: float = 0.1
    factor: float = 2.0
    cap: float = 300.0
    jitter: float = 0.1
    reset_after: float = 10.0
    burst: int = 0
    window: float = 600.0
    slow_retry: float | None = None


class StopRule(Value):
    """
    How a jail is stopped: the hook, the signal, and SIGKILL for all of it after ``timeout``.

    :ivar hook: a command run in the jail first; empty: none. It may take ``hook_timeout``.
    """

    hook: tuple[str, ...] = ()
    hook_timeout: float = 10.0
    signal: int = 15
    timeout: float = 10.0


class Probe(Value):
    """
    A question to a jail whose answer is yes or no.

    :ivar kind: one of :data:`PROBES`.
    :ivar command: of ``exec``, run in the jail; exit status 0 is yes.
    :ivar host: of ``tcp`` and ``http``: the address.
    :ivar path: of ``http``; 200 to 399 is yes.
    :ivar timeout: an answer that takes longer is a no.
    """

    kind: str
    command: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    port: int = 0
    path: str = "/"
    timeout: float = 5.0


class ReadyRule(Value):
    """
    When a jail that runs is ready.

    :ivar kind: one of :data:`READINESS`; ``start``: as soon as its program was executed.
    :ivar timeout: a jail that is not ready by then failed to start.
    :ivar fd: of ``fd``: the descriptor on which the program writes a newline (s6).
    :ivar pattern: of ``log``: a regular expression that a line of its output matches.
    :ivar probe: of ``probe``: asked every ``interval`` until the answer is yes.
    """

    kind: str = "start"
    timeout: float = 60.0
    fd: int = 3
    pattern: str = ""
    probe: Probe | None = None
    interval: float = 1.0


class HealthRule(Value):
    """
    How a jail that is ready is looked after.

    :ivar start_period: a no within this time of the start does not count, unless a yes came before.
    :ivar failures: so many times no in a row make it unhealthy.
    :ivar successes: so many times yes in a row make it healthy again.
    :ivar action: one of :data:`ACTIONS`, taken when it becomes unhealthy.
    """

    probe: Probe
    interval: float = 30.0
    start_period: float = 0.0
    failures: int = 3
    successes: int = 1
    action: str = "none"


class LogRule(Value):
    """
    How the output of a jail is kept.

    By default so that a program that nobody looks at does not fill the disk.

    :ivar format: one of :data:`FORMATS`.
    :ivar pressure: one of :data:`PRESSURES`: what happens while the disk refuses.
    :ivar line_limit: bytes of text in one record; a longer line is cut, and marked as partial.
    :ivar max_size: bytes after which the file is rotated; 0: never by size.
    :ivar max_age: seconds after which the file is rotated; 0: never by age.
    :ivar keep: rotated files that are kept.
    :ivar compress: one of :data:`COMPRESSIONS`.
    :ivar syslog: where else it goes, as ``unix:/dev/log``, ``udp:HOST:PORT``, ``tcp:HOST:PORT``; empty: nowhere.
    :ivar program: a command on the host that gets it on standard input too; empty: none.
    """

    format: str = "cri"
    pressure: str = "block"
    line_limit: int = 16_384
    max_size: int = 64 << 20
    max_age: float = 0.0
    keep: int = 5
    compress: str = "none"
    syslog: str = ""
    program: tuple[str, ...] = ()


class Settings(Value):
    """
    All of it for one jail.

    :ivar requires: jails that must be ready before this one starts, and whose stop stops it.
    :ivar after: jails that, where they are wanted too, must be ready before this one starts.
    :ivar health: None: nobody asks.
    :ivar autostart: whether it is wanted up when nobody ever said otherwise.
    :ivar owner: the least role that may change it: operator or admin.
    """

    restart: RestartRule = RestartRule()
    backoff: BackoffRule = BackoffRule()
    requires: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    ready: ReadyRule = ReadyRule()
    health: HealthRule | None = None
    stop: StopRule = StopRule()
    log: LogRule = LogRule()
    autostart: bool = True
    owner: str = "operator"
