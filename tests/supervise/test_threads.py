"""The reactor's threads."""

import threading

import pytest
import pytest_twisted
from twisted.internet import reactor

from runjd.supervise.threads import Threads


@pytest_twisted.ensureDeferred
async def test_what_waits_is_counted():
    """From the moment it is asked for until it is done, whether it works or fails."""
    threads, go = Threads(reactor), threading.Event()

    first, second = threads(go.wait, 10), threads(divmod, 1, 0)
    assert threads.pending == 2
    go.set()

    assert await first is True
    with pytest.raises(ZeroDivisionError):
        await second
    assert threads.pending == 0
