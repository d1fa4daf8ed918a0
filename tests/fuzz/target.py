"""What bytes are thrown at, and what is always true of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from tests.fuzz.smith import Smith


class Target(ABC):
    """
    Something that reads what strangers send.

    :ivar name: of it.
    :ivar seeds: bytes that make sense.
    """

    name: str
    seeds: Sequence[bytes]

    @abstractmethod
    def throw(self, smith: Smith, pieces: Sequence[bytes]) -> None:
        """Send the pieces. :raise AssertionError: it did what it must not."""

    def close(self) -> None:
        """Let go of what was needed."""


def throw(target: Target, number: int) -> None:
    """Throw one piece of work at a target. :raise AssertionError: telling how to do it again."""
    smith = Smith(number)
    data = smith.make(target.seeds)
    try:
        with no_failure_logged():
            target.throw(smith, smith.cut(data))
    except Exception as error:
        raise AssertionError(f"{target.name}, number {number}: {error!r} of {data[:400]!r}") from error


@contextmanager
def no_failure_logged() -> Iterator[None]:
    """:raise AssertionError: an exception was logged, which nobody had foreseen."""
    observer = _Failures()
    globalLogPublisher.addObserver(observer)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(observer)
    assert not observer.found, f"logged: {observer.found}"


@implementer(ILogObserver)
class _Failures:
    def __init__(self) -> None:
        self.found: list[object] = []

    def __call__(self, event: LogEvent) -> None:
        if "log_failure" in event:
            self.found.append(event["log_failure"])
