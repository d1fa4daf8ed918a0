"""What the daemon tells of itself."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import implementer

from runjd.interfaces import IDiagnosis
from runjd.web.exposition import Exposition


@implementer(IDiagnosis)
class Diagnosis:
    """Everything that monitoring, and a report of a fault, want to know."""

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def metrics(self) -> Deferred[bytes]:
        return self._exposition.text()
