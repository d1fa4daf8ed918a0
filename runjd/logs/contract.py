"""What writes logs: the file on disk and the one in memory do the same."""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.logs.formats.contract import Pieces
    from runjd.policy.settings import LogRule


class Source(ABC):
    """Where a writer gets more for a log by itself, as long as nobody waits for it; on the writer's thread."""

    __slots__ = ()

    @abstractmethod
    def take(self) -> tuple[Pieces, bool] | None:
        """Return the next records and whether the log is at the end of a line behind them; None: no more for now."""


class LogFile(ABC):
    """
    One log that can be appended to.

    :ivar path: of the file.
    """

    __slots__ = ()
    path: str

    @abstractmethod
    def write(
        self,
        records: Pieces,
        done: Callable[[int], None],
        *,
        is_line_end: bool = True,
        source: Source | None = None,
    ) -> None:
        """
        Append; later records come behind earlier ones.

        :param done: called once all of it is written, with the length of the log. Whoever reads the
            program's output reads no more before that, so a disk that is full stops this program, not others.
        :param is_line_end: no line of the program is unfinished in the log behind these records.
        :param source: what comes behind these records may be taken from it, before ``done`` is called.
        """

    @abstractmethod
    def keep(self, rule: LogRule) -> None:
        """Keep the log by another rule, behind all that was given; records of another form begin a new file."""

    @abstractmethod
    def rotate(self, done: Callable[[OSError | None], None]) -> None:
        """Rotate the file behind all that was given, unless it is empty or not there."""

    @abstractmethod
    def reopen(self, done: Callable[[OSError | None], None]) -> None:
        """Let go of the file behind all that was given, and make one of that name where there is none."""

    @abstractmethod
    def close(self) -> None:
        """Let go, once all that was given is written."""

    def abandon(self) -> None:
        """
        Give up what cannot be sent, and say that it is done: the jail is forgotten, or its lines go elsewhere.

        What is to be in a file is written when it can be.
        """
        self.close()


class LogWriter(ABC):
    """All logs of the daemon."""

    def start(self) -> None:
        """
        Have what writing takes, before anyone depends on it.

        :raise LimitReached: the system refuses it.
        """

    @abstractmethod
    def open(self, path: str, rule: LogRule) -> LogFile:
        """Return the log of that path; the file itself is made with the first byte."""

    @abstractmethod
    def stop(self) -> None:
        """Write what can be written, and end. What a full disk refuses at this moment is lost."""
