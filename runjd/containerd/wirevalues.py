"""Values of ours as messages of protobuf."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

_NANOSECONDS = 1_000_000_000
#: the time that Go has for none
_NO_TIME = -62_135_596_800


def timestamp(at: float | None) -> Timestamp:
    """Return a wall time in seconds as a message; None is the time that containerd takes for none."""
    if at is None:
        return Timestamp(seconds=_NO_TIME)
    whole = int(at * _NANOSECONDS)
    return Timestamp(seconds=whole // _NANOSECONDS, nanos=whole % _NANOSECONDS)


def packed(name: str, message: Message) -> Any:
    """Return a message in the wrapping that tells its name, as containerd knows it: bare, without a host."""
    return Any(type_url=name, value=message.SerializeToString())
