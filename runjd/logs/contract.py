"""What writes logs: the file on disk and the one in memory do the same."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


class LogFile(ABC):
    """
    One log that can be appended to.

    :ivar path: of the file.
    """

    __slots__ = ()
    path: str

    @abstractmethod
    def write(self, data: bytes, done: Callable[[int], None]) -> None:
        """
        Append; later data come behind earlier data.

        :param done: called once all of it is written, with the length of the log. Whoever reads the
            program's output reads no more before that, so a disk that is full stops this program, not others.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go, once all that was given is written."""


class LogWriter(ABC):
    """All logs of the daemon."""

    @abstractmethod
    def open(self, path: str) -> LogFile:
        """Return the log of that path; the file itself is made with the first byte."""

    @abstractmethod
    def stop(self) -> None:
        """Write what can be written, and end. What a full disk refuses at this moment is lost."""
