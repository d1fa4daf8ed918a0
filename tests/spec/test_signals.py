"""Tests of runjd.spec.signals."""

import signal
import sys

import pytest

from runjd.errors import BadArgument
from runjd.spec.signals import signal_name, signal_number

real_time = pytest.mark.skipif(not hasattr(signal, "SIGRTMIN"), reason="this system has no real-time signals")


@pytest.mark.parametrize("text", ["TERM", "SIGTERM", "term", "SigTerm", "15", "015", " TERM "])
def test_a_signal_is_known_by_name_and_number(text: str) -> None:
    """Case and the prefix SIG do not matter."""
    assert signal_number(text) == signal.SIGTERM


@pytest.mark.parametrize("number", sorted(signal.valid_signals()))
def test_every_signal_of_the_system_has_a_name_that_is_read_back(number: int) -> None:
    """What is shown can be typed."""
    assert number == signal_number(signal_name(number))


@pytest.mark.parametrize("number", [signal.SIGABRT, signal.SIGCHLD, signal.SIGIO, signal.SIGKILL])
def test_the_usual_name_is_shown(number: signal.Signals) -> None:
    """Of two names of a signal the one in use is shown."""
    assert number.name == signal_name(number)


@real_time
def test_real_time_signals_are_named_from_either_end() -> None:
    """SIGRTMIN+n and SIGRTMAX-n name the signals between them."""
    assert signal_number("rtmin+3") == signal.SIGRTMIN + 3
    assert signal_number("SIGRTMAX-2") == signal.SIGRTMAX - 2
    assert signal_name(signal.SIGRTMIN + 3) == "SIGRTMIN+3"
    assert signal_number(f"RTMIN+{signal.SIGRTMAX - signal.SIGRTMIN}") == signal.SIGRTMAX


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", 'no signal ""'),
        ("SIG", 'no signal "SIG"'),
        ("TREM", "did you mean SIGTERM?"),
        ("sigkil", "did you mean SIGKILL?"),
        ("0", "signals are numbered from 1 to"),
        ("9999", "signals are numbered from 1 to"),
        ("9" * 10_000, "signals are numbered from 1 to"),
        ("-9", "expected a number or a name"),
        ("BLOCK", "no signal"),
        ("_DFL", "no signal"),
        ("RTMIN+99", "no signal"),
        ("RTMIN+", "no signal"),
        ("RTMAX+1", "no signal"),
        ("RTMIN-1", "no signal"),
        ("\u0661\u0665", "no signal"),
        ("TERM\x1b[2J", r"TERM\u001b[2J"),
    ],
)
def test_what_is_no_signal_is_refused_with_a_hint(text: str, words: str) -> None:
    """The message names the nearest signal, or how one is written."""
    with pytest.raises(BadArgument) as caught:
        signal_number(text)
    assert words in str(caught.value)


def test_a_number_without_a_name_is_shown_as_digits() -> None:
    """A signal of a later kernel is still shown."""
    assert signal_name(500) == "500"


@pytest.mark.skipif(sys.platform != "linux", reason="numbers as Linux has them")
def test_numbers_are_the_systems_own() -> None:
    """SIGUSR1 is 10 on Linux."""
    assert (signal_number("usr1"), signal_name(10)) == (10, "SIGUSR1")
