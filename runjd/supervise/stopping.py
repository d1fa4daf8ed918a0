"""
Making one init process end, step by step.

The hook of the jail, its signal, time to obey, SIGKILL, and where that does not help
SIGKILL for every process of the jail.  Each step is told, and a jail that does not
end however it is killed says so and keeps nobody else waiting.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from runjd.policy.settings import Probe
from runjd.spec.signals import signal_name
from runjd.supervise.exec import ExecProcess
from runjd.supervise.pausing import Pausing
from runjd.supervise.probes.answer import Answer
from runjd.supervise.probes.program import ProgramQuestion, Programs
from runjd.supervise.record import Record
from runjd.supervise.site import Site
from runjd.supervise.told import Told

_SIGKILL = 9
#: seconds after which somebody who was killed should be gone
_PATIENCE = 2.0


class Stopping:
    """
    One stop after another of one jail.

    :param execs: the exec processes of the jail, by id.
    :param pausing: lets it go on, so that it can end.
    :param told: told each step, and when it had its time to stop.
    :ivar reason: what it is waited for; empty while nothing is.
    """

    __slots__ = (
        "_abort_timeout",
        "_call",
        "_execs",
        "_hook",
        "_pausing",
        "_record",
        "_seconds",
        "_site",
        "_step",
        "_told",
        "reason",
    )
    _log = Logger()

    def __init__(
        self,
        site: Site,
        record: Record,
        execs: dict[str, ExecProcess],
        pausing: Pausing,
        told: Told,
    ) -> None:
        self._site = site
        self._record = record
        self._execs = execs
        self._pausing = pausing
        self._told = told
        self._abort_timeout = 0.0
        self._seconds = 0.0
        self._step = ""
        self._call: IDelayedCall | None = None
        self._hook: ProgramQuestion | None = None
        self.reason = ""

    def abort(self, timeout: float) -> None:
        """Remember the time that it shall have once it was started."""
        self._abort_timeout = timeout

    def hurry(self, timeout: float) -> None:
        """It shall have no more time than that, either."""
        self._abort_timeout = min(self._abort_timeout, timeout)

    def begin(self, timeout: float | None) -> None:
        """
        Take the first step, unless that was done; who asks again may shorten the time.

        :param timeout: seconds from the signal until it is overdue; None: as remembered; 0: kill it.
        """
        seconds = self._abort_timeout if timeout is None else timeout
        if seconds <= 0:
            self.force()
        elif not self._step:
            self._seconds = seconds
            self._step = "resume"
            self._pausing.lift(self._run_hook)
        elif self._step in ("resume", "hook"):
            self._seconds = min(self._seconds, seconds)
        elif self._step == "signal" and self._left() > seconds:
            self._wait(seconds, self._told.overdue)

    def force(self) -> None:
        """Send SIGKILL."""
        self._abandon_hook()
        if self._step != "kill":
            self._step = "kill"
            self.reason = "it was killed, and has not ended yet"
            self._told.step({"step": "kill", "signal": _SIGKILL})
        self._pausing.lift(partial(self._signal, _SIGKILL))
        self._wait(_PATIENCE, self._stuck)

    def remind(self) -> None:
        """Send again what may have been lost with the keeper."""
        if self._step == "kill":
            self.force()
        elif self._step == "signal":
            self._signal(self._record.definition.settings.stop.signal)

    def cancel(self) -> None:
        """It has stopped, or is somebody else's business."""
        self._abandon_hook()
        self._forget_call()
        self._step = self.reason = ""

    # --- inside -----------------------------------------------------------------------

    def _run_hook(self) -> None:
        if self._step != "resume":  # killed meanwhile
            return
        rule = self._record.definition.settings.stop
        if not rule.hook:
            self._send()
            return
        self._step = "hook"
        self.reason = "its stop hook runs"
        self._told.step({"step": "hook"})
        programs = Programs(self._site, self._record.definition.id, self._execs)
        self._hook = ProgramQuestion(programs, Probe("exec", rule.hook))
        self._wait(rule.hook_timeout, self._hook_is_late)
        self._hook.ask(self._hook_ended, _nothing)

    def _hook_ended(self, answer: Answer) -> None:
        if self._step == "hook":
            self._hook = None
            self._send("" if answer.is_yes else f"the stop hook failed: {answer.text}")

    def _hook_is_late(self) -> None:
        self._abandon_hook()
        self._send("the stop hook took too long")

    def _abandon_hook(self) -> None:
        hook, self._hook = self._hook, None
        if hook is not None:
            hook.abandon()

    def _send(self, reason: str = "") -> None:
        signal = self._record.definition.settings.stop.signal
        self._step = "signal"
        self.reason = f"{signal_name(signal)} was sent, and it is killed {self._seconds:g} s later"
        self._told.step({"step": "signal", "signal": signal, "reason": reason})
        self._wait(self._seconds, self._told.overdue)
        self._signal(signal)

    def _stuck(self) -> None:
        self.reason = "it was killed and does not end; perhaps it waits for a disk or a network"
        self._told.step({"step": "stuck", "reason": self.reason})
        self._signal(_SIGKILL, everyone=True)

    def _wait(self, seconds: float, call: Callable[[], None]) -> None:
        self._forget_call()
        self._call = self._site.reactor.callLater(seconds, call)

    def _left(self) -> float:
        """Seconds until it is overdue."""
        is_waiting = self._call is not None and self._call.active()
        return self._call.getTime() - self._site.reactor.seconds() if self._call is not None and is_waiting else 0.0

    def _forget_call(self) -> None:
        call, self._call = self._call, None
        if call is not None and call.active():
            call.cancel()

    def _signal(self, signum: int, everyone: bool = False) -> None:
        jail = self._record.definition.id

        def failed(failure: Failure) -> None:
            self._log.info("{jail}: signal {signum}: {error}", jail=jail, signum=signum, error=failure.value)

        self._site.spawner.signal(jail, signum, everyone=everyone).addErrback(failed)


def _nothing() -> None:
    pass
