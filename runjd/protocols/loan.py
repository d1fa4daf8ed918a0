"""A reading end that another thread may read for a while."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

T = TypeVar("T")
#: milliseconds that data are waited for
MOMENT = 1


class Loan:
    """
    The right to read a descriptor that does not block; whoever lent it can take it back at any time.

    :param fd: the descriptor, which stays the lender's.
    :param size: bytes of one read.
    """

    __slots__ = ("_fd", "_lock", "_poll", "_size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._poll = select.poll()
        self._poll.register(fd, select.POLLIN)
        self._size = size
        self._lock = Lock()

    def take(self, make: Callable[[bytes], T]) -> T | None:
        """
        Read once, and return what is made of the data; None where nothing comes within a moment, or it is taken back.

        What is made is made before the loan can be taken back.
        """
        # A writer that our last read woke may run on this processor, and only once we wait.
        if not self._poll.poll(MOMENT):
            return None
        with self._lock:
            if self._fd < 0:
                return None
            try:
                data = os.read(self._fd, self._size)
            except OSError:
                return None  # the lender will find out what is wrong
            return make(data) if data else None

    def take_back(self) -> None:
        """Let nobody read any more; whoever reads at this moment is waited for, which does not take long."""
        with self._lock:
            self._fd = -1
