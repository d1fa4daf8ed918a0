"""What a program says to NOTIFY_SOCKET."""

import pytest

from runjd.protocols.notify import DATAGRAM_MAX, STATUS_MAX, Notice, read_datagram


@pytest.mark.parametrize(
    ("data", "notice"),
    [
        (b"READY=1", Notice(True)),
        (b"READY=1\n", Notice(True)),
        (b"STATUS=loading\nMAINPID=1\nREADY=1", Notice(True, "loading")),
        (b"STATUS=", Notice(False, "")),
        (b"", Notice()),
        (b"READY=0", Notice()),
        (b"READY=11", Notice()),
        (b"XREADY=1", Notice()),
        (b"ready=1", Notice()),
        (b"WATCHDOG=1\nFDSTORE=1", Notice()),
    ],
)
def test_only_whole_lines_of_the_right_words_count(data, notice):
    """READY=1 is ready, STATUS= is for people, and what other daemons understand is passed over."""
    assert read_datagram(data) == notice


def test_what_is_shown_of_a_jail_is_harmless_and_short():
    """No control characters reach a terminal, no text floods it, and what is no UTF-8 is replaced."""
    status = read_datagram(b"STATUS=\x1b[31mred\x07\xff" + b"x" * 1000).status
    assert status is not None
    assert status.startswith("?[31mred?�x")
    assert len(status) == STATUS_MAX


def test_too_long_a_datagram_says_nothing():
    """What does not fit is not read in parts."""
    assert read_datagram(b"READY=1\n" + b"x" * DATAGRAM_MAX) == Notice()
