"""Who asks: the other end of a connection, as the kernel or a certificate names it. Pure."""

from __future__ import annotations

from sys import intern

from runjd.values import Value

#: the uid and gid of who has none here: whom a certificate names
NOBODY = -1


class Principal(Value):
    """
    The other end of a connection.

    :ivar uid: :data:`NOBODY` for whom a certificate names.
    :ivar gid: the effective group.
    :ivar pid: 0 where it is not known.
    :ivar groups: all its groups.
    :ivar certificate: the names of its certificate; the first is what it is called.
    :ivar address: where it comes from; empty for a Unix socket.
    """

    uid: int
    gid: int
    pid: int = 0
    groups: tuple[int, ...] = ()
    certificate: tuple[str, ...] = ()
    address: str = ""

    @property
    def name(self) -> str:
        """The name that events and records use."""
        # which each jail that somebody starts, and each event, keeps
        return intern(f"cert:{self.certificate[0]}" if self.certificate else f"uid:{self.uid}")
