"""A probe by a program in the jail: as the user of the jail's own, with its environment."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from runjd.errors import KeeperLost, RunjdError
from runjd.policy.facts import ExitRecord
from runjd.policy.settings import Probe
from runjd.protocols.jailprocess import JailProcess
from runjd.protocols.keeperreplies import Launched
from runjd.spec.parse_process import parse_process, process_to_json
from runjd.supervise.exec import ExecProcess
from runjd.supervise.probes.answer import TEXT_MAX, Answer, clean
from runjd.supervise.site import Site
from runjd.supervise.watched import KeeperControl, outputs_of

#: names of exec processes that are probes, or stop hooks, begin so
PREFIX = "probe"
#: bytes that a probe may write; who writes more waits until it is killed
_OUTPUT_MAX = 65_536
_SIGKILL = 9


class Programs:
    """
    The probes by program of one run of a jail.

    :param execs: the exec processes of the jail, by id; ours are among them while they live.
    """

    def __init__(self, site: Site, jail: str, execs: dict[str, ExecProcess]) -> None:
        self.site = site
        self.jail = jail
        self.execs = execs
        self._defaults: Mapping[str, object] | None = None

    def process(self, command: tuple[str, ...]) -> Deferred[Mapping[str, object]]:
        """Return the process that is to be run; what the jail's own is like is asked for once."""

        def found(defaults: Mapping[str, object]) -> Mapping[str, object]:
            self._defaults = defaults
            process = parse_process(defaults)
            return process_to_json(process._replace(args=command, terminal=False, console_size=None))

        if self._defaults is not None:
            return succeed(found(self._defaults))
        return self.site.spawner.process(self.jail).addCallback(found)

    def new_id(self) -> str:
        """Return the name of the next one, which nobody else gave: no earlier daemon, and nothing else in this one."""
        return f"{PREFIX}{next(self.site.probe_numbers)}.{self.site.run_id}"


class ProgramQuestion:
    """
    Asks by running a program: exit status 0 is a yes.

    Abandoned, the program is killed; the question is over when it is gone.
    """

    def __init__(self, programs: Programs, probe: Probe) -> None:
        self._programs = programs
        self._probe = probe
        self._id = programs.new_id()
        self._is_abandoned = False
        self._is_running = False
        self._start = 0
        self._answered: Callable[[Answer], None] | None = None
        self._over: Callable[[], None] | None = None

    def ask(self, answered: Callable[[Answer], None], over: Callable[[], None]) -> None:
        self._answered, self._over = answered, over
        programs = self._programs
        site, jail = programs.site, programs.jail
        note = {"exec": self._id, "at": site.now(), "run": site.run_id}

        def run(process: Mapping[str, object]) -> Deferred[Launched]:
            return site.spawner.exec(jail, self._id, process, stdin=False, size=None, note=note)

        asked = programs.process(self._probe.command).addCallback(run)
        asked.addCallbacks(self._launched, self._failed).addErrback(self._broken)

    def abandon(self) -> None:
        self._is_abandoned = True
        self._answered = None
        if self._is_running:
            self._kill()

    # --- inside ----------------------------------------------------------------------

    def _launched(self, launched: Launched) -> None:
        self._is_running = True
        self._start = launched.start
        programs = self._programs
        site, jail = programs.site, programs.jail
        protocol = _ProbeProcess(self._ended, self._lost)
        control = KeeperControl(site, jail, self._id)
        transport = JailProcess(site.reactor, protocol, control, launched.pid, outputs_of(launched.descriptors))
        programs.execs[self._id] = protocol
        transport.connect()
        if self._is_abandoned:
            self._kill()

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, KeeperLost):
            self._conclude(Answer(False, str(error), counts=False))
        else:
            self._conclude(Answer(False, clean(str(error))))
        self._end()

    def _ended(self, record: ExitRecord) -> None:
        programs = self._programs
        protocol = programs.execs.pop(self._id, None)
        programs.site.acks.give(programs.jail, self._id, record.pid, self._start)
        said = protocol.said if isinstance(protocol, _ProbeProcess) else ""
        if record.status is not None:
            how = f"exit {record.status}"
        else:
            how = f"signal {record.signal}" if record.signal is not None else "ended, nobody saw how"
        self._conclude(Answer(record.status == 0, f"{how}: {said}" if said else how, counts=record.is_known))
        self._end()

    def _lost(self) -> None:
        """The daemon let go of it: the keeper is lost, or the jail is somebody else's."""
        self._conclude(Answer(False, "the keeper was lost meanwhile", counts=False))
        self._end()

    def _kill(self) -> None:
        def gone(failure: Failure) -> None:
            failure.trap(RunjdError)  # type: ignore[no-untyped-call]  # and its end is told, or the loss of the keeper

        self._programs.site.spawner.signal(self._programs.jail, _SIGKILL, exec_id=self._id).addErrback(gone)

    def _conclude(self, answer: Answer) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            answered(answer)

    def _end(self) -> None:
        self._is_running = False
        over, self._over = self._over, None
        if over is not None:
            over()

    def _broken(self, failure: Failure) -> None:
        self._conclude(Answer(False, clean(f"{type(failure.value).__name__}: {failure.value}"), counts=False))
        self._end()


class _ProbeProcess(ExecProcess):
    """
    The protocol of a probe; nobody looks on.

    :ivar said: the first line that it wrote.
    """

    def __init__(self, ended: Callable[[ExitRecord], None], lost: Callable[[], None]) -> None:
        super().__init__(ended, lambda: False)
        self._lost = lost
        self._kept = b""
        self._count = 0

    @property
    def said(self) -> str:
        return clean(self._kept.strip().partition(b"\n")[0].decode("utf-8", "replace"))

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        self._kept += data[: max(0, 4 * TEXT_MAX - len(self._kept))]
        self._count += len(data)
        if self._count > _OUTPUT_MAX and self.transport is not None:
            self.transport.pauseProducing()

    def abandon(self) -> None:
        super().abandon()
        self._lost()
