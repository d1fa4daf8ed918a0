"""A configuration that says what a test wants."""

from __future__ import annotations

from twisted.internet.defer import Deferred, fail, succeed
from zope.interface import implementer

from runjd.config.difference import Difference
from runjd.interfaces import IConfiguration


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
