"""
Metrics by HTTP, for Prometheus: ``GET /metrics`` and nothing else.

prometheus_client has a resource for Twisted, which reads what it tells from another thread;
here that is gathered in the reactor.  There are few connections, and each one ends after a
while whether the client took its answer or not: it is read every few seconds by one server.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from runjd.errors import Cancelled, RunjdError
from runjd.interfaces import IDiagnosis

#: connections at the same time
CONNECTIONS = 16
#: seconds that a client may take for its request, and a connection in all
PATIENCE, LIFE = 10.0, 30.0

_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class _Request(Request):
    """A request whose body is nobody's business: it would fill a disk, and then the memory, without a bound."""

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()

    def handleContentChunk(self, data: bytes) -> None:
        pass


class Metrics(Resource):
    """All there is on the site, whatever the path."""

    isLeaf = True
    _log = Logger(namespace="runjd.web")

    def __init__(self, diagnosis: IDiagnosis) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._diagnosis = diagnosis

    def render(self, request: Any) -> int:
        """Answer, and close the connection then."""
        request.channel.persistent = False
        request.setHeader(b"connection", b"close")
        if request.path != b"/metrics":
            _say(request, 404, "the metrics are at /metrics")
        elif request.method not in (b"GET", b"HEAD"):
            request.setHeader(b"allow", b"GET, HEAD")
            _say(request, 405, "the metrics can only be read")
        else:
            work = self._diagnosis.metrics()
            request.notifyFinish().addErrback(lambda _: work.cancel())
            work.addCallbacks(self._answer, self._fail, callbackArgs=(request,), errbackArgs=(request,))
        return NOT_DONE_YET

    def _answer(self, text: bytes, request: Any) -> None:
        _write(request, 200, _TYPE, text)

    def _fail(self, failure: Failure, request: Any) -> None:
        if isinstance(failure.value, Cancelled):
            return  # the client is gone
        if isinstance(failure.value, RunjdError):
            said = failure.getErrorMessage()
        else:
            self._log.failure("metrics could not be told", failure)
            said = "metrics could not be told; the log of the daemon says why"
        _say(request, 503, said)


def _say(request: Any, status: int, said: str) -> None:
    _write(request, status, b"text/plain; charset=utf-8", f"{said}\n".encode("utf-8", "replace"))


def _write(request: Any, status: int, kind: bytes, text: bytes) -> None:
    request.setResponseCode(status)
    request.setHeader(b"content-type", kind)
    request.setHeader(b"content-length", b"%d" % len(text))
    request.write(text)
    request.finish()


class _Connection(ProtocolWrapper):
    """One connection, which does not last."""

    factory: Any
    _end: IDelayedCall | None = None

    def connectionMade(self) -> None:
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._end = self.factory.clock.callLater(LIFE, self.abortConnection)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        if self._end is not None and self._end.active():
            self._end.cancel()
        super().connectionLost(reason)  # type: ignore[no-untyped-call]


class _Bounded(WrappingFactory):
    """As many connections as there may be; further ones are closed at once."""

    noisy = False
    protocol = _Connection

    def __init__(self, site: Site, clock: Any) -> None:
        super().__init__(site)  # type: ignore[no-untyped-call]
        self.clock = clock

    def buildProtocol(self, addr: Any) -> Any:
        return super().buildProtocol(addr) if len(self.protocols) < CONNECTIONS else None


def metrics_site(diagnosis: IDiagnosis, reactor: Any) -> IProtocolFactory:
    """Return the factory of the site."""
    site = Site(Metrics(diagnosis), _Request, timeout=PATIENCE, reactor=reactor)  # type: ignore[no-untyped-call]
    site.noisy = False
    return _Bounded(site, reactor)
