"""A configuration, and a diagnosis, that say what a test wants."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from runjd.config.difference import Difference
from runjd.interfaces import IConfiguration, IDiagnosis


@implementer(IConfiguration)
class ScriptedConfiguration:
    """
    Answers at once.

    :ivar found: what the files change, or what is wrong with them.
    :ivar reloads: who asked for a reload.
    """

    def __init__(self) -> None:
        self.found: Difference | Exception = Difference()
        self.reloads: list[str] = []

    def compare(self) -> Deferred[Difference]:
        return fail(self.found) if isinstance(self.found, Exception) else succeed(self.found)

    def reload(self, by: str) -> Deferred[Difference]:
        self.reloads.append(by)
        return self.compare()


@implementer(IDiagnosis)
class ScriptedDiagnosis:
    """
    Answers at once.

    :ivar text: the metrics, or what is wrong with them.
    """

    def __init__(self) -> None:
        self.text: bytes | Exception = b"# HELP runjd_up Up.\nrunjd_up 1.0\n"

    def metrics(self) -> Deferred[bytes]:
        return fail(self.text) if isinstance(self.text, Exception) else succeed(self.text)

    def dump(self) -> Iterator[tuple[str, Iterator[str]]]:
        yield "versions", iter(["runjd 0.4.0"])
        yield "stacks", iter(["thread main", "  a\x1bb"])
