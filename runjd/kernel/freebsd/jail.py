"""
Jails: jail_set(2), jail_get(2), jail_attach(2), jail_remove(2), and their descriptors of FreeBSD 15.

What surprises (seen on 13.2): jail_attach is EPERM while the process has any
directory open; jail_remove returns before the processes are reaped, and until
they are the jail is dying: found with JAIL_DYING only, its mounts busy.
"""

from __future__ import annotations

from runjd.kernel.freebsd import parameters as codec
from runjd.kernel.freebsd.iovec import Iovec, call
from runjd.kernel.libc import c_int, c_uint, check, libc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runjd.kernel.freebsd.parameters import Parameters

JAIL_CREATE = 0x01
JAIL_UPDATE = 0x02
JAIL_ATTACH = 0x04
JAIL_DYING = 0x08
# FreeBSD 15
JAIL_USE_DESC = 0x10
JAIL_AT_DESC = 0x20
JAIL_GET_DESC = 0x40
JAIL_OWN_DESC = 0x80

# values of host, ip4, ip6, vnet, sysvmsg, sysvsem, sysvshm
DISABLE = 0
NEW = 1
INHERIT = 2

_SYS_JAIL_ATTACH_JD = 597
_SYS_JAIL_REMOVE_JD = 598


def jail_set(parameters: Parameters, flags: int) -> int:
    """
    Create, change or enter a jail.

    :param flags: JAIL_CREATE, JAIL_UPDATE, JAIL_ATTACH.
    :return: its jid.
    """
    return call("jail_set", codec.encode(parameters), lambda vector: _call(libc.jail_set, vector, flags))[0]


def jail_get(select: Parameters, wanted: Sequence[str] = (), flags: int = 0) -> dict[str, str | int | tuple[str, ...]]:
    """
    Return what is asked of a jail, and its "jid".

    :param select: ``name``, or ``jid``, or ``lastjid`` for the one after it.
    :param wanted: names of parameters; lists of addresses come as tuples.
    :param flags: JAIL_DYING finds a dying one, too.  On FreeBSD 15 JAIL_GET_DESC opens the
        descriptor that is wanted as "desc", JAIL_OWN_DESC one whose closing removes the jail.
    :raise FileNotFoundError: there is none; for a dying one the kernel's words end in "is dying".
    """
    pairs = codec.encode(select)
    known = len(pairs)
    pairs += [(name, bytes(codec.size_of(name))) for name in wanted]
    jid, vector = call("jail_get", pairs, lambda vector: _call(libc.jail_get, vector, flags))
    found = {name: codec.decode(name, vector.value(known + index)) for index, name in enumerate(wanted)}
    return {**found, "jid": jid}


def jail_attach(jid: int) -> None:
    """Go into a jail: all threads, for good.  No directory may be open."""
    check(libc.jail_attach(c_int(jid)), f"jail_attach {jid}")


def jail_remove(jid: int) -> None:
    """Kill all processes of a jail and let it end."""
    check(libc.jail_remove(c_int(jid)), f"jail_remove {jid}")


def jail_attach_jd(descriptor: int) -> None:
    """Go into the jail of a descriptor; FreeBSD 15."""
    check(libc.syscall(c_int(_SYS_JAIL_ATTACH_JD), c_int(descriptor)), "jail_attach_jd")


def jail_remove_jd(descriptor: int) -> None:
    """Remove the jail of a descriptor; FreeBSD 15."""
    check(libc.syscall(c_int(_SYS_JAIL_REMOVE_JD), c_int(descriptor)), "jail_remove_jd")


def _call(function: Callable[..., int], vector: Iovec, flags: int) -> int:
    return int(function(vector.array, c_uint(vector.count), c_int(flags)))
