"""The kernel's jails: the one of a container, and all of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held


def told_jail(held: Held) -> tuple[str, str]:
    """Return the name of a container's jail and the real path of its root, as they were told; empty for none."""
    for each in held.undo:
        if each.action == "jail":
            name, _, home = each.target.partition(" ")
            return name, home
    return "", ""


def name_of(held: Held) -> str:
    """Return the name of a container's jail, empty where none was made."""
    return told_jail(held)[0]


def every_jail(kernel: FreeBSDKernel, *wanted: str) -> Iterator[dict[str, str | int | tuple[str, ...]]]:
    """
    Yield what is asked of each jail that is not dying, by rising jid.

    :param wanted: names of parameters.
    """
    jid: object = 0
    while True:
        try:
            found = kernel.jail_get((("lastjid", int(str(jid))),), wanted)
        except FileNotFoundError:
            return
        jid = found["jid"]
        yield found
