"""What goes wrong with a log, as facts and events."""

import errno

from twisted.internet.task import Clock

from runjd.supervise.logtrouble import LogTrouble
from tests.supervise.heard import Heard


def test_what_is_refused_is_told_until_all_of_it_is_taken():
    """The log may be full while syslog is away, and each ends at its time."""
    heard = Heard()
    trouble = LogTrouble(Clock(), heard)
    trouble.refused("", OSError(errno.ENOSPC, "No space left on device"))
    trouble.refused("syslog unix:/dev/log", OSError(errno.ENOENT, "No such file or directory"))
    both = "the log cannot be written: No space left on device; syslog unix:/dev/log cannot be written: No such file"
    assert trouble.reason.startswith(both)

    trouble.refused("", None)
    assert heard.details[-1] == {"state": "waiting", "reason": trouble.reason}
    trouble.refused("syslog unix:/dev/log", None)

    assert heard.details[-1] == {"state": "writing", "reason": ""}


def test_a_place_that_lines_go_to_no_more_is_no_trouble():
    """What is wrong with the file stays."""
    heard = Heard()
    trouble = LogTrouble(Clock(), heard)
    trouble.forget_places()
    trouble.refused("", OSError(errno.ENOSPC, "No space left on device"))
    trouble.refused("the program /bin/x", OSError(errno.ENOENT, "it is not there"))

    trouble.forget_places()

    assert trouble.reason == "the log cannot be written: No space left on device"
    assert len(heard.details) == 3


def test_many_losses_are_two_events():
    """One when it begins, and one with the sum when nothing was lost for a second."""
    clock = Clock()
    heard = Heard()
    trouble = LogTrouble(clock, heard)

    for _ in range(100):
        trouble.left_out(1000)
        clock.advance(0.1)
    assert heard.details == [{"state": "dropping", "lost": 1000}]
    clock.advance(1)

    assert heard.details[1:] == [{"state": "writing", "lost": 100_000}]
    trouble.left_out(1)
    trouble.stop()
    assert heard.details[2:] == [{"state": "dropping", "lost": 100_001}, {"state": "writing", "lost": 100_001}]
    assert clock.getDelayedCalls() == []
