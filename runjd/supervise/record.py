"""What the next daemon must know of one jail: its record, and when it is written."""

from __future__ import annotations

from twisted.logger import Logger

from runjd.errors import RunjdError
from runjd.policy.desire import is_lasting
from runjd.supervise.definitions import Definitions, Known
from runjd.supervise.lasting import Lasting
from runjd.supervise.wishes import Wish


class Record:
    """
    The record of a jail, which is written where it changed; so is what of it must outlast a reboot.

    :ivar definition: what it is made of, and how it is kept.
    :ivar want: what was wanted last.
    :ivar is_expected: it was started, and nobody saw its end.
    :ivar is_configured: it stands in the configuration; else somebody defined it by RUN.
    :ivar is_restarting: it was stopped to be started anew.
    :ivar enabled: whether it comes up at boots; None: nobody said.
    :ivar last_exit: how it ended the last time.
    :ivar stood: where supervision left it in this boot: ``new`` (it did nothing yet), ``started``, or the phase
        in which it is down: ``idle``, ``backoff`` or ``failed``.
    :ivar reason: why it stands there, for people.
    :ivar tallies: what the next start by itself depends on.
    :ivar started: when it was started last, in seconds since the host's boot.
    :ivar is_ready: that run was seen to be ready.
    """

    __slots__ = (
        "_definitions",
        "_lasting",
        "_saved",
        "_wish",
        "definition",
        "enabled",
        "is_configured",
        "is_expected",
        "is_ready",
        "is_restarting",
        "last_exit",
        "reason",
        "started",
        "stood",
        "tallies",
        "want",
    )
    _log = Logger()

    def __init__(self, definitions: Definitions, lasting: Lasting, known: Known) -> None:
        self._definitions = definitions
        self._lasting = lasting
        self._saved: Known | None = None
        self._wish: Wish | None = None
        self.definition = known.definition
        self.want = known.want
        self.is_expected = known.is_expected
        self.is_configured = known.is_configured
        self.enabled = known.enabled
        self.is_restarting = known.is_restarting
        self.last_exit = known.last_exit
        self.stood = known.stood
        self.reason = known.reason
        self.tallies = known.tallies
        self.started = known.started
        self.is_ready = known.is_ready

    def save(self) -> None:
        """Write it down. :raise InputOutput: it cannot be written."""
        known = Known(
            self.definition,
            self.want,
            self.is_expected,
            self.last_exit,
            self.is_configured,
            self.stood,
            self.reason,
            self.tallies,
            self.started,
            self.enabled,
            is_restarting=self.is_restarting,
            is_ready=self.is_ready,
        )
        if known != self._saved:
            self._definitions.save(known)
            self._saved = known
        self.last()

    def forget(self) -> None:
        """Forget the jail, for good."""
        self._definitions.remove(self.definition.id)
        if self._wish is not None:
            self._lasting.put(self.definition.id, None)

    def remembers(self, wish: Wish) -> None:
        """That much stands written already."""
        self._wish = wish

    def last(self) -> None:
        """Have outlast a reboot what must; what is written already is not written again."""
        wish: Wish | None = Wish(self.want, self.enabled)
        if not self.is_configured:
            keeps = not self.definition.remove and is_lasting(self.enabled, self.definition.settings)
            wish = Wish(self.want, self.enabled, self.definition) if keeps else None
        elif not self.want and self.enabled is None:
            wish = None
        if wish != self._wish:
            self._wish = wish
            self._lasting.put(self.definition.id, wish)

    def begin(self, now: float) -> None:
        """It is being started."""
        self.is_expected = True
        self.is_restarting = False
        self.started = now
        self.is_ready = False
        self.take()

    def take(self) -> None:
        """It runs, or is about to."""
        self.stood = "started"
        self.reason = ""

    def save_if_possible(self) -> None:
        """Write it down; that it cannot be written is told in the log."""
        try:
            self.save()
        except RunjdError as error:
            self._log.error("{error}", error=error)

    def set_want(self, want: str, is_saved: bool) -> None:
        """
        Want something else.

        :param is_saved: it is to be written now; else whoever asks is about to write.
        :raise InputOutput: it cannot be written, so nothing was changed.
        """
        before, self.want = self.want, want
        if want != before and is_saved:
            try:
                self.save()
            except RunjdError:
                self.want = before
                raise
