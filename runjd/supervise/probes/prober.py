"""
Asking a jail, and again: one question at a time, each with its time limit.

Nothing here waits.  A question that had its time is a no at once, and what is left
of it is ended; as long as something of it is left, no other one is asked, so that
probes which hang do not pile up in the jail.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from runjd.policy.health import next_delay
from runjd.policy.settings import Probe
from runjd.supervise.exec import ExecProcess
from runjd.supervise.probes.answer import Answer, Question
from runjd.supervise.probes.program import ProgramQuestion, Programs
from runjd.supervise.probes.tcp import ConnectionQuestion
from runjd.supervise.site import Site


class Prober:
    """
    Asks one jail in one run of it, over and over.

    :param execs: see :class:`Programs`.
    :param probe: what is asked.
    :param interval: seconds from one question to the next.
    :param heard: told each answer.
    """

    _log = Logger()

    def __init__(
        self,
        site: Site,
        jail: str,
        execs: dict[str, ExecProcess],
        probe: Probe,
        interval: float,
        heard: Callable[[Answer], None],
    ) -> None:
        self._site = site
        self._probe = probe
        self._interval = interval
        self._heard = heard
        self._programs = Programs(site, jail, execs)
        self._call: IDelayedCall | None = None
        self._limit: IDelayedCall | None = None
        self._question: Question | None = None
        self._asked_at = 0.0
        self._is_stopped = True

    def start(self, delay: float) -> None:
        """Ask for the first time after so many seconds, and go on."""
        self._is_stopped = False
        self._call = self._site.reactor.callLater(delay, self._ask)

    def stop(self) -> None:
        """Ask no more; nothing is heard from now on."""
        self._is_stopped = True
        for call in (self._call, self._limit):
            if call is not None and call.active():
                call.cancel()
        self._call = self._limit = None
        if self._question is not None:
            self._question.abandon()

    # --- inside ----------------------------------------------------------------------

    def _ask(self) -> None:
        self._call = None
        self._asked_at = self._site.reactor.seconds()
        if self._question is not None:
            self._answered(Answer(False, "the last probe was killed and is not gone yet"))
            return
        question = self._make()
        self._question = question
        self._limit = self._site.reactor.callLater(self._probe.timeout, self._too_late)
        question.ask(self._answered, self._over)

    def _make(self) -> Question:
        if self._probe.kind == "exec":
            return ProgramQuestion(self._programs, self._probe)
        return ConnectionQuestion(self._site.reactor, self._probe)

    def _too_late(self) -> None:
        self._limit = None
        if self._question is not None:
            self._question.abandon()
        self._answered(Answer(False, f"no answer within {self._probe.timeout:g} s"))

    def _over(self) -> None:
        self._question = None

    def _answered(self, answer: Answer) -> None:
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = None
        if self._is_stopped:
            return
        took = self._site.reactor.seconds() - self._asked_at
        self._call = self._site.reactor.callLater(next_delay(self._interval, took), self._ask)
        try:
            self._heard(answer)  # which may stop us
        except Exception:
            self._log.failure("an answer of a probe could not be dealt with")
