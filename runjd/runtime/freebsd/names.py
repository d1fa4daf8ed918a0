"""
The name of the kernel's jail, which jls(8) and jexec(8) take. Pure.

It is the id, but for what the kernel reads otherwise: a dot parts a jail from its
parent, and a number is a jid (jail(2)).  A tilde, which no id has, stands in for a
dot and behind a number, so that two ids never share a name.
"""

from __future__ import annotations

from runjd.errors import SpecError

#: MAXHOSTNAMELEN less the NUL
_LONGEST = 255


def jail_name(id: str, parent: str = "") -> str:
    """
    Return the name of the jail of a container.

    :param parent: name of the jail that it is made in; empty for the host.
    :raise SpecError: both together are too long.
    """
    name = id.replace(".", "~")
    if name.lstrip("+-").isdigit():
        name += "~"
    whole = f"{parent}.{name}" if parent else name
    if len(whole.encode("utf-8", "surrogateescape")) > _LONGEST:
        raise SpecError("freebsd.jail.parent", f"with the id it is longer than the {_LONGEST} bytes of a jail's name")
    return whole
