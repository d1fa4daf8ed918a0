"""One thread compresses what was rotated, one file at a time, beside the one that writes."""

from __future__ import annotations

import errno
import os
import sys
import threading
from queue import SimpleQueue

from runjd.errors import RunjdError
from runjd.logs.compression import compress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.logs.names import Rotated

#: how much less than others it gets of the processor, where threads have a priority of their own
_NICE = 10


def daemon_thread(work: Callable[[], None], name: str) -> threading.Thread:
    """Return a thread that keeps no process from ending."""
    return threading.Thread(target=work, name=name, daemon=True)


class Compressor:
    """
    The thread.

    :param trouble: called with a file and the error where it stays as it is; on the thread, if there is one.
    :param make_thread: see :func:`daemon_thread`.
    """

    def __init__(
        self,
        trouble: Callable[[str, OSError], object],
        make_thread: Callable[[Callable[[], None], str], threading.Thread] = daemon_thread,
    ) -> None:
        self._trouble = trouble
        self._make_thread = make_thread
        self._given: SimpleQueue[tuple[str, Rotated, str] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_ending = False

    def give(self, path: str, file: Rotated, kind: str) -> None:
        """Compress a rotated file of a log, some time."""
        self._given.put((path, file, kind))
        if self._thread is None:
            thread = self._make_thread(self._work, "runjd-compress")
            try:
                thread.start()
            except RuntimeError as error:  # it waits until the next one is given
                self._trouble(file.path, OSError(errno.EAGAIN, str(error)))
            else:
                self._thread = thread

    def stop(self) -> None:
        """Begin no further file, and do not wait for the one at hand: the next daemon finds what is left."""
        self._is_ending = True
        if self._thread is not None:
            self._given.put(None)

    def _work(self) -> None:
        if sys.platform == "linux":
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
        while (given := self._given.get()) is not None and not self._is_ending:
            path, file, kind = given
            try:
                compress(path, file, kind)
            except FileNotFoundError:
                pass  # it is not kept any more
            except OSError as error:
                self._trouble(file.path, error)
            except RunjdError as error:
                self._trouble(file.path, OSError(errno.EOPNOTSUPP, str(error)))
