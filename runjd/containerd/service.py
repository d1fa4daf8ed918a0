"""
What containerd can call: the service Task in both its versions, and what our own shim calls.

protobuf is loaded with the first call: a daemon that no containerd uses does without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from runjd.errors import RunjdError
from runjd.protocols.ttrpc.call import Call
from runjd.protocols.ttrpc.services import CLEANUP, SHIM_SERVICE, IServices
from runjd.protocols.ttrpc.status import RESOURCE_EXHAUSTED, UNAVAILABLE, UNIMPLEMENTED, TtrpcError

if TYPE_CHECKING:
    from runjd.containerd.methods import Methods

#: of one connection; the rest of the calls that a relay keeps for one is for those that do something. containerd does
#: not say that a client waits no longer, so it may be one that gave up long ago
WAITS_MAX = 896

_log = Logger()

TASK_SERVICES = ("containerd.task.v2.Task", "containerd.task.v3.Task")


@implementer(IServices)
class TaskServices:
    """
    All of it.

    :param make: makes the methods; raises ImportError where protobuf is not installed.
    """

    def __init__(self, make: Callable[[], Methods]) -> None:
        self._make = make
        self._methods: Methods | None = None
        self._waits: Counter[str] = Counter()

    def call(self, call: Call) -> Deferred[bytes]:
        """Carry out a call; see :class:`runjd.protocols.ttrpc.services.IServices`."""
        methods = self._loaded()
        if call.service == SHIM_SERVICE and call.method == CLEANUP:
            return _detached(call, methods.cleanup(call))
        if call.service not in TASK_SERVICES:
            raise TtrpcError(UNIMPLEMENTED, f"service {call.service}: not implemented")
        if call.method == "Wait":
            return self._wait(methods, call)
        return _detached(call, methods.call(call))

    def _wait(self, methods: Methods, call: Call) -> Deferred[bytes]:
        connection = call.caller.connection
        if self._waits[connection] >= WAITS_MAX:
            raise TtrpcError(RESOURCE_EXHAUSTED, f"{WAITS_MAX} calls of this connection wait for ends of processes")
        result = methods.wait(call)
        self._waits[connection] += 1

        def over(outcome: Any) -> Any:
            self._waits[connection] -= 1
            if not self._waits[connection]:
                del self._waits[connection]
            return outcome

        return result.addBoth(over).addCallback(_encoded)

    def _loaded(self) -> Methods:
        if self._methods is None:
            try:
                self._methods = self._make()
            except ImportError as error:
                raise TtrpcError(
                    UNAVAILABLE,
                    f"runjd cannot serve containerd without protobuf ({error}): install it, by pkg as py-protobuf, "
                    "or by pip with runjd[containerd]",
                ) from error
        return self._methods


def _detached(call: Call, work: Any) -> Deferred[bytes]:
    """Do something to its end; only the waiting can be cancelled."""
    result: Deferred[bytes] = Deferred()

    def done(outcome: Any) -> None:
        if not result.called:
            result.callback(outcome)
        elif isinstance(outcome, Failure):  # nobody waits any more who could be told
            if isinstance(outcome.value, RunjdError):
                _log.info("{method}: {error}", method=call.method, error=outcome.value)
            else:
                _log.failure("{method} failed, and nobody waits for it", outcome, method=call.method)

    Deferred.fromCoroutine(work).addCallback(_encoded).addBoth(done)
    return result


def _encoded(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data
