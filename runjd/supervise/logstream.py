"""One stream of a program, and how the writer of its log reads it."""

from __future__ import annotations

from collections.abc import Callable

from runjd.logs.contract import Source
from runjd.logs.formats.contract import Pieces
from runjd.logs.formats.stamp import stamp
from runjd.logs.gate import Gate
from runjd.logs.lines import LineEncoder
from runjd.protocols.loan import Loan


class Stream:
    """
    One stream of a program on its way into a log.

    :param name: out or err.
    :ivar gate: leaves lines out, where that is asked for.
    :ivar since: when its unfinished line began to be kept; None: there is none, or it is not to be written yet.
    :ivar loan: by which the writer of the log reads it now.
    """

    __slots__ = ("encoder", "gate", "loan", "name", "since")

    def __init__(self, name: str, encoder: LineEncoder) -> None:
        self.name = name
        self.encoder = encoder
        self.gate: Gate | None = None
        self.since: float | None = None
        self.loan: Loan | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something of it is still to be written."""
        return self.since is not None or self.loan is not None or (self.gate is not None and self.gate.lost > 0)

    def take_back(self) -> None:
        """Have the writer take no more of it."""
        if self.loan is not None:
            self.loan.take_back()


class LentSource(Source):
    """
    Records of what is read on the writer's thread.

    :param now: wall time in seconds.
    :param is_line_end: tells whether no line of the program is unfinished in the log.
    :param count: told how many bytes were read, each time.
    """

    __slots__ = ("_count", "_encoder", "_is_line_end", "_loan", "_now")

    def __init__(
        self,
        encoder: LineEncoder,
        loan: Loan,
        now: Callable[[], float],
        is_line_end: Callable[[], bool],
        count: Callable[[int], None],
    ) -> None:
        self._count = count
        self._encoder = encoder
        self._loan = loan
        self._now = now
        self._is_line_end = is_line_end

    def take(self) -> tuple[Pieces, bool] | None:
        return self._loan.take(self._encode)

    def _encode(self, data: bytes) -> tuple[Pieces, bool]:
        self._count(len(data))
        return self._encoder.feed(stamp(self._now()), data), self._is_line_end()
