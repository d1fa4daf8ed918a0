"""Everything that is told at one moment, as values that another thread can read."""

from __future__ import annotations

from collections.abc import Mapping

from runjd.policy.usage import Measurement
from runjd.supervise.pulse import Lag
from runjd.values import Value


class DaemonSample(Value):
    """
    The daemon itself.

    :ivar connections: of the control protocol.
    :ivar queues: how much waits, by the name of what it waits for.
    """

    lag: Lag
    connections: int
    queues: Mapping[str, int]


class Sample(Value):
    """
    The jails, and the daemon.

    :ivar exits: how often a jail ended for a reason.
    :ivar sessions: how many look on, by jail.
    """

    measurement: Measurement
    exits: Mapping[tuple[str, str], int]
    sessions: Mapping[str, int]
    daemon: DaemonSample
