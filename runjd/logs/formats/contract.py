"""What a form of a log is: how what a program wrote becomes records, and how a record is read again."""

from __future__ import annotations

from abc import ABC, abstractmethod

from runjd.policy.facts import LogLine

#: what is written by one ``writev``
Pieces = list[bytes | memoryview]


class Encoding(ABC):
    """
    How chunks become records.

    Whole chunks are made into records by operations that run at the speed of C, and nothing is copied that
    need not be.

    :ivar cuts: a line that is too long becomes several records; where it does not, its parts are one anyway.
    """

    __slots__ = ()
    cuts = True

    @abstractmethod
    def whole(self, at: bytes, stream: str, begin: bytes, chunk: bytes, cut: int) -> Pieces:
        """
        Return the records of whole lines.

        :param at: the time of all of them, from :func:`runjd.logs.formats.stamp.stamp`.
        :param stream: out or err.
        :param begin: of the first line, from an earlier chunk.
        :param chunk: what comes behind it.
        :param cut: position behind the last newline of the chunk.
        """

    @abstractmethod
    def part(self, at: bytes, stream: str, text: bytes) -> Pieces:
        """Return the record of a part of a line, without newline; more of this line may follow."""


class Format(Encoding):
    """
    One form of a log, which can be read again.

    :ivar name: in the configuration.
    :ivar is_framed: each record ends in a newline that is not the program's, so that a last record without
        one was torn.
    """

    __slots__ = ()
    name: str
    is_framed = True

    @abstractmethod
    def decode(self, record: bytes) -> LogLine:
        """
        Return one record, given without its newline.

        A record that is no such thing (torn by a crash, or written by a stranger) comes back whole as the text
        of a line whose time is ``-``.
        """
