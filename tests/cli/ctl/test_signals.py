"""Signals as bytes, and their names."""

from __future__ import annotations

import os
import select
import signal

import pytest

from runjd.cli.ctl.signals import Signals, name_of, number_of


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


@pytest.mark.parametrize(
    ("name", "number"),
    [
        *(("TERM", 15), ("SIGTERM", 15), ("term", 15), ("sigkill", 9), ("9", 9), ("0", None), ("99999", None)),
        *(("", None), ("SIG_DFL", None), ("_IGN", None), ("NOPE", None), ("-9", None), ("NSIG", None)),
    ],
)
def test_names_of_signals(name: str, number: int | None) -> None:
    """A signal is named in any of the usual ways; what is none is told."""
    assert number_of(name) == number


def test_every_signal_has_the_name_it_is_known_by() -> None:
    """Numbers become names without SIG."""
    assert [name_of(number) for number in (1, 9, 15, 6, 17 if os.uname().sysname == "Linux" else 20)] == [
        "HUP",
        "KILL",
        "TERM",
        "ABRT",
        "CHLD",
    ]
    assert name_of(250) == "250"
