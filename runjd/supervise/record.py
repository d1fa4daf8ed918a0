"""What the next daemon must know of one jail: its record, and when it is written."""

from __future__ import annotations

from collections.abc import Callable

from runjd.errors import RunjdError
from runjd.policy.desire import is_lasting
from runjd.supervise.definitions import Definitions, Known
from runjd.supervise.lasting import Lasting
from runjd.supervise.unwritten import Unwritten
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
    :ivar is_paused: its processes stand still.
    """

    __slots__ = (
        "_definitions",
        "_lasting",
        "_saved",
        "_then",
        "_unwritten",
        "_wish",
        "definition",
        "enabled",
        "is_configured",
        "is_expected",
        "is_paused",
        "is_ready",
        "is_restarting",
        "last_exit",
        "reason",
        "started",
        "stood",
        "tallies",
        "want",
    )

    def __init__(self, definitions: Definitions, lasting: Lasting, unwritten: Unwritten, known: Known) -> None:
        self._definitions = definitions
        self._lasting = lasting
        self._unwritten = unwritten
        self._then: tuple[Callable[[], None], ...] = ()
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
        self.is_paused = known.is_paused

    def save(self) -> None:
        """
        Write it down.

        :raise InputOutput: it cannot be written; it is tried again until it can, with what is true then.
        """
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
            is_paused=self.is_paused,
        )
        if known != self._saved:
            try:
                self._definitions.save(known)
            except RunjdError as error:
                self._saved = None  # which has the next attempt write, whatever is undone now
                self._unwritten.refused(self.definition.id, self.save_if_possible, error)
                raise
            self._saved = known
            self._is_written()
        self.last()

    def save_before(self, then: Callable[[], None]) -> None:
        """Write it down, and call this once it is written, now or when the disk takes it."""
        self._then += (then,)
        try:
            self.save()
        except RunjdError:
            return
        self._is_written()

    def forget(self) -> None:
        """Forget the jail, for good; where the disk refuses, as soon as it does not."""
        if self._wish is not None:
            self._lasting.put(self.definition.id, None)
            self._wish = None
        try:
            self._definitions.remove(self.definition.id)
        except RunjdError as error:
            self._unwritten.refused(self.definition.id, self.forget, error)
            return
        self._unwritten.forgotten(self.definition.id)
        self._acknowledge()

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
        self.is_ready = self.is_paused = False
        self.take()

    def take(self) -> None:
        """It runs, or is about to."""
        self.stood = "started"
        self.reason = ""

    def save_if_possible(self) -> None:
        """Write it down now, or as soon as the disk takes it."""
        try:
            self.save()
        except RunjdError:
            return

    def set_want(self, want: str, is_saved: bool) -> None:
        """
        Want something else; that it is to be down counts at once, whether it can be written or not.

        :param is_saved: it is to be written now; else whoever asks is about to write.
        :raise InputOutput: it cannot be written, so nothing was changed.
        """
        before, self.want = self.want, want
        if want == "down":
            self.save_if_possible()
        elif want != before and is_saved:
            try:
                self.save()
            except RunjdError:
                self.want = before
                raise

    def _is_written(self) -> None:
        self._unwritten.written(self.definition.id)
        self._acknowledge()

    def _acknowledge(self) -> None:
        then, self._then = self._then, ()
        for each in then:
            each()
