"""The seam between the wire and what is called by it."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from zope.interface import Interface

from runjd.protocols.ttrpc.call import Call

#: the service that only our own shim calls: its one method, CLEANUP, takes a CleanupRequest and returns a
#: containerd.task.v2.DeleteResponse. It takes away whatever there is of a container, running or not, its mounts
#: too, and succeeds where there is nothing.
#: CleanupRequest: 1 id string, 2 bundle string. The namespace is that of the call's origin.
SHIM_SERVICE = "org.runjd.Shim"
CLEANUP = "Cleanup"


class IServices(Interface):
    """Whatever can be called by ttrpc."""

    def call(call: Call) -> Deferred[bytes]:
        """
        Carry out a call.

        It may raise instead of returning a Deferred that fails. The Deferred is cancelled when the caller is gone,
        or its time is over; the work may go on. That a daemon died is no such case: the next one is called again.

        :return: fires with the message that the method returns, encoded.
        :raise TtrpcError: with the code that the caller shall see; other errors are given one by
            :func:`runjd.protocols.ttrpc.status.code_of`. UNIMPLEMENTED for a service or a method that is not known.
        """
