"""When a process was dead, so that its parent could know it: a thread that is woken by that, and does nothing else."""

import contextlib
import os
import select
import threading
import time
from types import TracebackType
from typing import Self

_PATIENCE_MS = 60_000
#: before all that runs by turns, else it is late where the processors are wanted
_PRIORITY = 10


class Death:
    """
    The death of a process, which need not be a child; as a context it is waited for.

    It is seen late, by 9 to 29 us and 14 in the middle beside what the kernel traces (signal_generate), with real-time
    priority; so much is missing in what is measured from then on.

    :ivar at: when it was seen, as time.perf_counter says; it is known when the context ends.
    """

    def __init__(self, pid: int) -> None:
        self.at = 0.0
        self._fd = os.pidfd_open(pid)
        self._waits = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._waits.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._thread.join()
        os.close(self._fd)

    def _watch(self) -> None:
        with contextlib.suppress(PermissionError):
            os.sched_setscheduler(threading.get_native_id(), os.SCHED_FIFO, os.sched_param(_PRIORITY))
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        self._waits.set()
        poll.poll(_PATIENCE_MS)
        self.at = time.perf_counter()
