"""
A thread that looks whether the reactor still beats, and tells where it is when it does not.

The line is written while the reactor is still stuck, for it may never go on.  A thread that
was late itself tells nothing: then the whole process was stopped, or starved, and the
place where the reactor happens to be is not to blame.
"""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable
from time import monotonic

from twisted.logger import Logger

from runjd.supervise.pulse import BEAT, STALL

#: innermost calls that are told
_CALLS = 30


class StallWatch:
    """
    Watches the thread that makes it.

    :param clock: seconds that go on evenly.
    """

    _log = Logger()

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._watched = threading.get_ident()
        self._beat_at = clock()
        self._told_at = 0.0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch; a beat has to come from now on."""
        self.beat()
        self._ended.clear()
        self._thread = threading.Thread(target=self._work, name="runjd-stalls", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    def beat(self) -> None:
        """The watched thread gives a sign of life."""
        self._beat_at = self._clock()

    def _work(self) -> None:
        asked = self._clock()
        while not self._ended.wait(BEAT):
            now = self._clock()
            was_late = now - asked >= BEAT + STALL / 2
            asked = now
            beat_at = self._beat_at
            if now - beat_at >= BEAT + STALL and beat_at != self._told_at and not was_late:
                self._told_at = beat_at
                self._tell(now - beat_at)

    def _tell(self, seconds: float) -> None:
        frame = sys._current_frames().get(self._watched)
        calls = "".join(traceback.format_stack(frame, _CALLS)).rstrip() if frame is not None else "  nowhere"
        del frame
        self._log.error(
            "the reactor does not go on; for {seconds:.1f} s nothing else was done. It is here:\n{calls}",
            seconds=seconds,
            calls=calls,
        )
