"""Who asks, and what that allows."""

from __future__ import annotations

from runjd.values import Value

#: each role may do what those before it may
ROLES = ("observer", "operator", "admin")


class Principal(Value):
    """The other end of a connection, as the kernel or a certificate names it; ``pid`` is 0 where it is not known."""

    uid: int
    gid: int
    pid: int
    role: str

    @property
    def name(self) -> str:
        """The name that events and records use."""
        return f"uid:{self.uid}"


def is_allowed(role: str, needed: str) -> bool:
    """Return whether somebody of this role may do what needs the other."""
    return ROLES.index(role) >= ROLES.index(needed)
