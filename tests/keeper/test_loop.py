"""The loop: it goes on whatever happens."""

import os
import time
from collections.abc import Iterator

import pytest

from runjd.keeper.loop import HANGUP, READ, WRITE, Loop


@pytest.fixture
def failures() -> list[Exception]:
    """Return what callbacks let out."""
    return []


@pytest.fixture
def loop(failures: list[Exception]) -> Loop:
    """Return a loop on the real clock."""
    return Loop(time.monotonic, failures.append)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return a pipe with a byte in it."""
    reader, writer = os.pipe()
    os.write(writer, b"x")
    yield reader, writer
    for fd in (reader, writer):
        try:
            os.close(fd)
        except OSError:
            continue


def test_a_callback_that_raises_is_reported(loop: Loop, failures: list[Exception], pipe: tuple[int, int]) -> None:
    """An exception in a callback or a timer is reported, and the others are called."""
    called = []

    def wrong(mask: int = 0) -> None:
        raise ValueError("wrong")

    loop.watch(pipe[0], READ, wrong)
    loop.watch(pipe[1], WRITE, called.append)
    loop.call_later(0, wrong)
    loop.call_later(0, lambda: called.append(-1))
    loop.turn()

    assert sorted(called) == [-1, WRITE]
    assert [str(each) for each in failures] == ["wrong", "wrong"]


def test_an_event_of_a_descriptor_that_was_closed_in_the_same_turn(loop: Loop, failures: list[Exception]) -> None:
    """A callback is not called any more once an earlier one of the same turn has closed its descriptor."""
    pipes = [os.pipe(), os.pipe()]
    called = []

    def close_both(which: int) -> None:
        called.append(which)
        for reader, _ in pipes:
            loop.unwatch(reader)
            os.close(reader)

    for which, (reader, writer) in enumerate(pipes):
        os.write(writer, b"x")
        loop.watch(reader, READ, lambda _, which=which: close_both(which))
    loop.turn()

    assert len(called) == 1
    assert failures == []
    for _, writer in pipes:
        os.close(writer)


def test_a_hang_up_is_told_without_being_asked_for(loop: Loop, pipe: tuple[int, int]) -> None:
    """The end of the peer is told even where nothing is watched for."""
    told: list[int] = []
    loop.watch(pipe[0], READ, told.append)
    loop.change(pipe[0], 0)
    os.close(pipe[1])

    loop.turn()

    assert told[0] & HANGUP


def test_timers_are_called_in_time_and_once(loop: Loop) -> None:
    """A timer is called once, not before its time; a cancelled one never, not even by another of the same turn."""
    called = []
    loop.call_later(0.2, lambda: called.append("late"))
    loop.call_later(0.0, lambda: called.append("early"))
    cancelled = loop.call_later(0.0, lambda: called.append("cancelled"))
    cancelled.cancel()
    second = loop.call_later(0.1, lambda: called.append("second"))
    loop.call_later(0.005, second.cancel)
    loop.call_later(0.3, loop.stop)
    begun = time.monotonic()

    loop.run()

    assert called == ["early", "late"]
    assert time.monotonic() - begun >= 0.3


def test_unwatching_twice_is_no_error(loop: Loop, pipe: tuple[int, int]) -> None:
    """A descriptor that is not watched can be unwatched."""
    loop.watch(pipe[0], READ, print)
    loop.unwatch(pipe[0])
    loop.unwatch(pipe[0])


def test_whether_something_waits_is_told_without_a_turn(loop: Loop, pipe: tuple[int, int]) -> None:
    """It is still there for the turn that follows."""
    called: list[int] = []
    assert not loop.is_wanted()

    loop.watch(pipe[0], READ, called.append)
    assert loop.is_wanted()
    assert loop.is_wanted()
    assert not called

    loop.turn()
    assert called == [READ]
    os.read(pipe[0], 1)
    assert not loop.is_wanted()
