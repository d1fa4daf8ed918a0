"""The keeper's pages, which forks leave shared."""

import os
import time
from collections.abc import Callable, Iterator

import pytest

from runjd.keeper.loop import READ, Loop
from runjd.keeper.reclaiming import Reclaiming


class _Pages:
    """What takes pages back: three parts, before each of which it asks whether that is enough."""

    def __init__(self) -> None:
        self.parts: list[int] = []

    def own(self, is_enough: Callable[[], bool]) -> None:
        taken = 0
        while taken < 3 and not is_enough():
            taken += 1
        self.parts.append(taken)


@pytest.fixture
def pages() -> _Pages:
    """Return pages of which none was taken back."""
    return _Pages()


@pytest.fixture
def loop() -> Loop:
    """Return a loop on the real clock."""
    return Loop(time.monotonic, _fail)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return an empty pipe."""
    ends = os.pipe()
    yield ends
    for each in ends:
        os.close(each)


def _fail(error: Exception) -> None:
    raise error


def test_after_forks_that_follow_one_another_they_are_taken_back_once(loop: Loop, pages: _Pages) -> None:
    """It takes a while, which nobody has who is asked to fork again."""
    reclaiming = Reclaiming(loop, pages.own)
    reclaiming.forked()
    reclaiming.forked()
    loop.turn()
    assert pages.parts == [3]

    reclaiming.forked()
    loop.turn()
    assert pages.parts == [3, 3]


def test_what_happens_meanwhile_comes_first(loop: Loop, pages: _Pages, pipe: tuple[int, int]) -> None:
    """They are taken back later, once nothing is to be done."""
    reader, writer = pipe
    heard: list[int] = []
    loop.watch(reader, READ, heard.append)

    def own(is_enough: Callable[[], bool]) -> None:
        if not pages.parts:
            os.write(writer, b"x")
        pages.own(is_enough)

    Reclaiming(loop, own).forked()
    loop.turn()
    assert pages.parts == [0]

    loop.turn()
    assert heard == [READ]
    os.read(reader, 1)
    loop.turn()
    assert pages.parts == [0, 3]
