"""Which daemon a container is given to."""

from __future__ import annotations

import os
import stat

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: state directories of the daemon of the system, and of one that is started where there is none
SYSTEM = "/var/run/runjd"
PRIVATE = "/var/run/runjd-containerd"


class Site(Value):
    """
    A daemon.

    :ivar state: its state directory.
    :ivar is_private: whether it is started by us.
    """

    state: str
    is_private: bool

    @property
    def directory(self) -> str:
        """The directory of the sockets."""
        return f"{self.state}/containerd"


def choose(environment: Mapping[bytes, bytes]) -> Site:
    """
    Return the daemon to use.

    :param environment: RUNJD_STATE names the state directory of a daemon that somebody else starts,
        RUNJD_PRIVATE_STATE that of ours.
    """
    named = os.fsdecode(environment.get(b"RUNJD_STATE", b""))
    if named:
        return Site(named, False)
    private = os.fsdecode(environment.get(b"RUNJD_PRIVATE_STATE", b""))
    system = Site(SYSTEM, False)
    # A daemon that was killed leaves its socket, and will be back; one that was stopped does not.
    if private or not _is_socket(f"{system.directory}/socket"):
        return Site(private or PRIVATE, True)
    return system


def _is_socket(path: str) -> bool:
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False
