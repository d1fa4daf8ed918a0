"""What the daemon tells of itself."""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.defer import Deferred
from zope.interface import implementer

from runjd.interfaces import IDiagnosis
from runjd.supervise.dump import Dump
from runjd.web.exposition import Exposition


@implementer(IDiagnosis)
class Diagnosis:
    """Everything that monitoring, and a report of a fault, want to know."""

    def __init__(self, exposition: Exposition, dump: Dump) -> None:
        self._exposition = exposition
        self._dump = dump

    def metrics(self) -> Deferred[bytes]:
        return self._exposition.text()

    def dump(self) -> Iterator[tuple[str, Iterator[str]]]:
        return self._dump.parts()
