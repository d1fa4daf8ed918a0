"""
Resource limits: rctl_add_rule(2) and its kin.

Rules hang on the *name* of a jail: they may be there before it, and stay when it
is gone or renamed.  Amounts are plain decimal numbers; users are numbers.
"""

from __future__ import annotations

import errno

from runjd.kernel.libc import c_size_t, check, create_string_buffer, libc

_ROOM = 64 * 1024
#: kern.racct.rctl.maxbufsize as it comes
_MOST = 16 * 1024 * 1024


def rctl_get_racct(subject: str) -> str:
    """
    Return what a subject uses, as ``cputime=0,datasize=0``; zeros for a jail that is not there.

    :param subject: as ``jail:name``.
    :raise OSError: ENOSYS where kern.racct.enable is 0.
    """
    return _ask("rctl_get_racct", subject)


def rctl_get_rules(filter: str) -> str:
    """Return the rules that match, newest first, with commas between them; empty for none."""
    return _ask("rctl_get_rules", filter)


def rctl_get_limits(subject: str) -> str:
    """Return all rules that bind a process, as ``process:77``."""
    return _ask("rctl_get_limits", subject)


def rctl_add_rule(rule: str) -> None:
    """
    Add a rule, as ``jail:name:maxproc:deny=9``; one that differs only in the amount is replaced.

    :raise OSError: EOPNOTSUPP where action and resource do not go together; EINVAL; ERANGE.
    """
    _tell("rctl_add_rule", rule)


def rctl_remove_rule(filter: str) -> None:
    """
    Remove all rules that match.

    :raise ProcessLookupError: none does.
    :raise ValueError: the filter is empty, which the kernel takes for all rules of the machine.
    """
    check_filter(filter)
    _tell("rctl_remove_rule", filter)


def check_filter(filter: str) -> None:
    """Refuse a filter that matches every rule of the machine."""
    if not filter.strip(":"):
        raise ValueError("an empty filter would remove every rule of the machine")


def amounts(usage: str) -> dict[str, int]:
    """Return the amounts of :func:`rctl_get_racct` by resource."""
    return {name: int(amount) for name, _, amount in (each.partition("=") for each in usage.split(",") if each)}


def _ask(name: str, text: str) -> str:
    data = text.encode("utf-8", "surrogateescape") + b"\0"
    room = _ROOM
    while True:
        out = create_string_buffer(room)
        try:
            check(getattr(libc, name)(data, c_size_t(len(data)), out, c_size_t(room)), text)
        except OSError as error:
            if error.errno != errno.ERANGE or room >= _MOST:
                raise
            room *= 4
        else:
            return out.value.decode("utf-8", "surrogateescape")


def _tell(name: str, text: str) -> None:
    data = text.encode("utf-8", "surrogateescape") + b"\0"
    check(getattr(libc, name)(data, c_size_t(len(data)), None, c_size_t(0)), text)
