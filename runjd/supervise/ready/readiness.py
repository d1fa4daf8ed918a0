"""
Finding out that a jail is ready, in one run of it.

What the program tells by comes from the keeper, and stays there until we say that
we know: a daemon that dies in between leaves it to the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from twisted.internet.interfaces import IDelayedCall

from runjd.errors import TimedOut
from runjd.policy.settings import ReadyRule
from runjd.supervise.exec import ExecProcess
from runjd.supervise.probes.answer import Answer
from runjd.supervise.probes.prober import Prober
from runjd.supervise.ready.lines import LineMatch
from runjd.supervise.ready.listening import Listening, on_newline, on_notice
from runjd.supervise.site import Site
from runjd.supervise.told import Expectant

#: seconds that an adopted jail gets at least, whatever its time limit was
GRACE = 5.0


class Readiness:
    """
    One run of one jail.

    :param told: told once it is ready, or that its time is up.
    :ivar is_known: whether it is ready.
    :ivar status: what it says of itself by sd_notify(3); empty where it says nothing.
    :ivar missing: what the last probe said, while it is not ready.
    """

    __slots__ = (
        "_jail",
        "_limit",
        "_lines",
        "_listening",
        "_prober",
        "_rule",
        "_site",
        "_told",
        "is_known",
        "missing",
        "status",
    )

    def __init__(self, site: Site, jail: str, rule: ReadyRule, told: Expectant) -> None:
        self._site = site
        self._jail = jail
        self._rule = rule
        self._told = told
        self._lines: LineMatch | None = None
        self._listening: Listening | None = None
        self._prober: Prober | None = None
        self._limit: IDelayedCall | None = None
        self.is_known = False
        self.status = ""
        self.missing = ""

    def start(
        self, pid: int, descriptors: Mapping[str, int], execs: dict[str, ExecProcess], age: float, is_adopted: bool
    ) -> None:
        """
        Find out, from now on; ``told`` may be called at once.

        :param pid: of its init process.
        :param descriptors: those that came with the process and are no output; ours from now on.
        :param age: seconds since it was started.
        """
        rule = self._rule
        wanted = {"fd": "ready", "notify": "notify"}.get(rule.kind, "")
        for name, fd in descriptors.items():
            if name != wanted or self.is_known:
                os.close(fd)
        if self.is_known or rule.kind == "start":
            self._is_ready()
            return
        if wanted:
            if wanted not in descriptors:
                # Its keeper was killed before anybody was told, and with it what it would tell by.
                self._is_ready()
                return
            read = on_newline(self._is_ready) if wanted == "ready" else on_notice(self._is_ready, self._says, pid)
            self._listening = Listening(self._site.reactor, descriptors[wanted], read)
        elif rule.kind == "log":
            self._lines = LineMatch(rule.pattern, time.thread_time)
        elif rule.probe is not None:
            self._prober = Prober(self._site, self._jail, execs, rule.probe, rule.interval, self._answered)
            self._prober.start(0.0)
        left = rule.timeout - age
        self._limit = self._site.reactor.callLater(max(left, GRACE if is_adopted else 0.0), self._too_late)

    def output(self, stream: str, data: bytes) -> bool:
        """The program wrote; True: what it writes from now on tells nothing any more."""
        if self._lines is not None and self._lines.feed(stream, data):
            self._is_ready()
        return self._lines is None

    @property
    def reads_output(self) -> bool:
        """Whether output may tell it."""
        return self._lines is not None

    def stop(self) -> None:
        """The run is over, or somebody else's."""
        self._settle()
        if self._listening is not None:
            self._listening.close()
            self._listening = None

    # --- inside ----------------------------------------------------------------------

    def _is_ready(self) -> None:
        was_known, self.is_known = self.is_known, True
        self._settle()
        if self._listening is not None and self._rule.kind != "notify":  # which goes on to tell its status
            self._listening.close()
            self._listening = None
        if not was_known:
            self._told.ready()

    def _settle(self) -> None:
        """There is nothing to find out any more."""
        self._lines = None
        self.missing = ""
        if self._prober is not None:
            self._prober.stop()
            self._prober = None
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        self._limit = None

    def _says(self, status: str) -> None:
        self.status = status

    def _answered(self, answer: Answer) -> None:
        self.missing = answer.text
        if answer.is_yes:
            self._is_ready()

    def _too_late(self) -> None:
        missing = f": {self.missing}" if self.missing else ""
        self.stop()
        self._told.late(TimedOut(f"it was not ready within {self._rule.timeout:g} s{missing}", jail=self._jail))


def asked_of_keeper(rule: ReadyRule) -> str:
    """Return what the keeper must make so that a program can tell that it is ready, in the words of its wire."""
    return {"fd": f"fd:{rule.fd}", "notify": "notify"}.get(rule.kind, "")
