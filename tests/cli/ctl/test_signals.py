"""Signals as bytes in a pipe."""

from __future__ import annotations

import os
import select
import signal

import pytest

from runjd.cli.ctl.signals import Signals


def test_signals_wake_up_the_loop_and_are_told_once() -> None:
    """Two signals of a kind are one."""
    with Signals((signal.SIGUSR1, signal.SIGUSR2)) as signals:
        for number in (signal.SIGUSR1, signal.SIGUSR1, signal.SIGUSR2):
            os.kill(os.getpid(), number)
        assert select.select([signals.fd], [], [], 5)[0]
        assert signals.take() == {signal.SIGUSR1, signal.SIGUSR2}
        assert signals.take() == frozenset()


def test_dispositions_come_back() -> None:
    """Afterwards signals do what they did before, and the descriptors are closed."""
    before = signal.getsignal(signal.SIGUSR1)
    with Signals((signal.SIGUSR1,)) as signals:
        assert signal.getsignal(signal.SIGUSR1) != before
        fd = signals.fd
    assert signal.getsignal(signal.SIGUSR1) == before
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


def test_an_ignored_signal_stays_ignored() -> None:
    """Who was started by nohup(1) is not hung up."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    try:
        with Signals((signal.SIGUSR1,)) as signals:
            os.kill(os.getpid(), signal.SIGUSR1)
            assert signals.take() == frozenset()
    finally:
        signal.signal(signal.SIGUSR1, before)
