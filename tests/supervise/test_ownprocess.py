"""What the process of the daemon is set to."""

import sys
import time

from twisted.internet.selectreactor import SelectReactor

from runjd.supervise.ownprocess import settle


def test_delays_do_not_follow_the_clock_of_the_wall():
    """A call that is made in a second is made when the clock that nobody sets has gone on by one."""
    reactor, interval = SelectReactor(), sys.getswitchinterval()
    try:
        settle(reactor)
        before = time.monotonic()
        call = reactor.callLater(1, lambda: None)
        assert before + 1 <= call.getTime() <= time.monotonic() + 1
        assert before <= reactor.seconds() <= time.monotonic()
    finally:
        sys.setswitchinterval(interval)
        reactor.removeAll()
        reactor.waker.connectionLost(None)
