"""What blocks is called on threads, as far as the system gives any."""

import threading

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.python.threadpool import ThreadPool

from runjd.errors import LimitReached
from runjd.supervise.threads import Threads


class Pool(ThreadPool):
    """A pool whose threads the system may refuse."""

    refuses = True

    def threadFactory(self, *arguments, **keywords):
        """Return a thread, or fail as threading does."""
        if self.refuses:
            raise RuntimeError("can't start new thread")
        return threading.Thread(*arguments, **keywords)


class Turning:
    """The reactor, with a pool of the test's."""

    def __init__(self) -> None:
        self.pool = Pool(0, 1)
        self.callFromThread = reactor.callFromThread

    def getThreadPool(self) -> Pool:
        """Return the pool."""
        return self.pool


@pytest_twisted.ensureDeferred
async def test_a_system_that_gives_no_thread_is_an_error_and_nothing_worse():
    """It is one of ours, nothing is pending, and the next call is made as soon as there are threads again."""
    turning = Turning()
    turning.pool.start()
    threads = Threads(turning)
    try:
        with pytest.raises(LimitReached, match="can't start new thread"):
            await threads(len, "four")
        assert threads.pending == 0

        turning.pool.refuses = False

        assert await threads(len, "four") == 4
    finally:
        turning.pool.stop()
