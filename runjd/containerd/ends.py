"""How a process ended, as containerd is told. Pure."""

from __future__ import annotations

from runjd.policy.facts import ExitRecord
from runjd.values import Value

#: status of a process that was killed, or of whose end nothing is known
KILLED = 137
_SIGNALLED = 128


class End(Value):
    """
    The end of a process.

    :ivar status: as of a shell: 128 and the signal, where one killed it.
    :ivar at: wall time in seconds.
    """

    status: int
    at: float


def end_of(record: ExitRecord) -> End:
    """Return the end that a record of the keeper tells of."""
    if record.signal is not None:
        return End(_SIGNALLED + record.signal, record.at)
    return End(KILLED if record.status is None else record.status, record.at)
