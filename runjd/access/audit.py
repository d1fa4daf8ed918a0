"""
Who changed what, and who was not allowed to: a line each, in a file of its own.

A line has the tokens of the control protocol, so no name can forge another one, and
holds no arguments: those of a program may be secrets.  Refusals of one name are written
at a bounded rate, and those that are left out are counted: whoever may open the socket
could fill the disk otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from runjd.logs.contract import LogFile, LogWriter
from runjd.policy.principal import Principal
from runjd.policy.ration import Ration
from runjd.policy.settings import LogRule
from runjd.protocols.control.tokens import format_fields
from runjd.protocols.control.verbs.render import stamp

#: refusals of one name that are written at once, and for each second from then on
BURST, RATE = 20, 0.2
#: seconds after which those that were left out are told, if nothing else was refused meanwhile
TELL = 60.0
#: lines that wait while the disk refuses them; all others are counted
WAITING = 10_000
#: the name of whoever has shown no certificate
_TLS = "tls"
#: the name of whoever sent a signal
SIGNAL = "signal"
#: how the file is kept
_RULE = LogRule(format="raw", max_size=10 << 20, keep=9)


class Audit:
    """
    A :class:`runjd.protocols.control.hall.Audit`.

    :param path: of the file, whose directory is there.
    :param now: wall time in seconds.
    """

    def __init__(self, path: str, writer: LogWriter, clock: IReactorTime, now: Callable[[], float]) -> None:
        self._file: LogFile = writer.open(path, _RULE)
        self._clock = clock
        self._now = now
        self._ration = Ration(BURST, RATE)
        self._waiting = 0
        self._lost = 0
        self._timer: IDelayedCall | None = None

    def changed(self, principal: Principal, verb: str, jails: Sequence[str], result: str) -> None:
        """Somebody did, or tried, what he may do."""
        self._write(principal, verb, jails, [("result", result)])

    def signalled(self, verb: str, result: str) -> None:
        """Somebody did it by a signal, and the kernel does not say who."""
        self._put([("who", SIGNAL), ("from", SIGNAL), ("verb", verb), ("result", result)])

    def denied(self, principal: Principal, verb: str, jails: Sequence[str], rule: str) -> None:
        """Somebody was not allowed something."""
        left_out = self._take(principal.name)
        if left_out is not None:
            self._write(principal, verb, jails, [("result", "DENIED"), ("rule", rule), *left_out])

    def turned_away(self, address: str, reason: str) -> bool:
        """Somebody came by TLS and showed no good certificate. :return: whether it was written down."""
        left_out = self._take(_TLS)
        if left_out is not None:
            fields = [("who", _TLS), ("from", address), ("verb", "connect"), ("result", "DENIED"), ("reason", reason)]
            self._put([*fields, *left_out])
        return left_out is not None

    def reopen(self) -> Deferred[None]:
        """Let go of the file, because somebody else moved it."""
        reopened: Deferred[None] = Deferred()

        def done(error: OSError | None) -> None:
            if error is None:
                reopened.callback(None)
            else:
                reopened.errback(error)

        self._file.reopen(done)
        return reopened

    def stop(self) -> None:
        """Tell what was left out; before the writer stops."""
        if self._timer is not None:
            self._timer.cancel()
            self._tell_left_out()

    def _take(self, name: str) -> list[tuple[str, str]] | None:
        """Return how many of this name were left out since the last time; None: this one is, too."""
        left_out = self._ration.take(name, self._clock.seconds())
        if left_out is None:
            if self._timer is None:
                self._timer = self._clock.callLater(TELL, self._tell_left_out)
            return None
        return [("left_out", str(left_out))] if left_out else []

    def _tell_left_out(self) -> None:
        self._timer = None
        for name, count in self._ration.take_refused().items():
            self._put([("who", name or "others"), ("result", "DENIED"), ("left_out", str(count))])

    def _write(self, principal: Principal, verb: str, jails: Sequence[str], rest: list[tuple[str, str]]) -> None:
        fields = [("who", principal.name), ("from", principal.address or "unix")]
        if not principal.certificate:
            fields += [("gid", str(principal.gid)), ("pid", str(principal.pid))]
        elif len(principal.certificate) > 1:
            # a URI may have a comma in it; no name has a space
            fields.append(("names", " ".join(principal.certificate)))
        fields.append(("verb", verb))
        if jails:
            fields.append(("jail", ",".join(jails)))
        self._put([*fields, *rest])

    def _put(self, fields: list[tuple[str, str]]) -> None:
        if self._waiting >= WAITING:
            self._lost += 1
            return
        if self._lost:
            fields.append(("lost", str(self._lost)))
            self._lost = 0
        self._waiting += 1
        self._file.write([f"{stamp(self._now())} {format_fields(fields)}\n".encode()], self._written)

    def _written(self, _: int) -> None:
        self._waiting -= 1
