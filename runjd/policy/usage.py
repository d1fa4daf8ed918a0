"""What jails use, as values."""

from __future__ import annotations

from runjd.policy.facts import Facts
from runjd.values import Value


class Usage(Value):
    """
    What the processes of one jail use; None where this host does not count it.

    :ivar cpu: seconds on the processors since the jail started; of what ended, what is still known.
    :ivar memory: bytes, now.
    :ivar processes: how many there are now.
    :ivar read: bytes that were read from disks since it started.
    :ivar written: bytes that were written to them.
    :ivar is_paused: its processes are stopped by a pause.
    """

    cpu: float
    memory: int
    processes: int
    read: int | None = None
    written: int | None = None
    is_paused: bool = False


class Measured(Value):
    """
    One jail, and what it uses.

    :ivar usage: None where it does not run, or was gone when it was looked at.
    :ivar logged: bytes that its program wrote to its log in this life of the daemon.
    """

    facts: Facts
    usage: Usage | None
    logged: int


class Measurement(Value):
    """
    Some jails at one moment; two of them make rates.

    :ivar clock: of the moment, in seconds; it goes on evenly, from no point in particular.
    """

    clock: float
    jails: tuple[Measured, ...]
