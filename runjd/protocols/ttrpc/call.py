"""A call that containerd makes, and who makes it."""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    Pairs = Sequence[tuple[str, str]]

_DEFAULT = "/run/containerd/containerd.sock"


class Origin(Value):
    """
    One containerd, and one of its namespaces; containers are unique only there.

    :ivar containerd: path of its gRPC socket, which names the instance.
    :ivar events: path of its ttrpc socket, where events go.
    :ivar namespace: the namespace.
    """

    containerd: str
    events: str
    namespace: str

    def jail(self, id: str) -> str:
        """
        Return the id, within the whole daemon, of a container.

        containerd allows no + in namespaces and ids, so no two have the same. That of a containerd which does not
        listen where all of them do has a mark of the instance.
        """
        if self.containerd == _DEFAULT:
            return f"{self.namespace}+{id}"
        from _blake2 import blake2s  # hashlib would load libcrypto

        mark = blake2s(self.containerd.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
        return f"{self.namespace}+{id}+{mark}"


class Caller(Value):
    """
    Who calls, the same for a call that is delivered again to the next daemon.

    Two calls of the same caller are the same call: carry it out once.

    :ivar origin: where it comes from.
    :ivar connection: which connection of containerd to its relay; unique since the host was started.
    :ivar stream: the number of the call on that connection.
    """

    origin: Origin
    connection: str
    stream: int


class Call(Value):
    """
    One call.

    :ivar service: as ``containerd.task.v2.Task``.
    :ivar method: as ``Create``.
    :ivar payload: the message that the method takes, encoded.
    :ivar metadata: pairs of key and value; a key may come more than once.
    :ivar timeout: seconds that the caller gives it, 0.0 without a limit. The connection sees to it.
    :ivar caller: who calls.
    :ivar is_repeated: an earlier daemon was given it, and may have carried it out, in part or as a whole.
    """

    service: str
    method: str
    payload: bytes
    metadata: Pairs
    timeout: float
    caller: Caller
    is_repeated: bool = False
