"""prctl(2) of Linux: what a process says about itself."""

from __future__ import annotations

from runjd.kernel.libc import c_int, c_ulong, check, libc

_PR_GET_DUMPABLE = 3
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_PR_CAP_AMBIENT_CLEAR_ALL = 4

# Every argument is an unsigned long, also where only one counts: the kernel refuses some calls if the rest is not 0.
_ZERO = c_ulong(0)


def get_dumpable() -> int:
    """Return whether others may trace us: 0, 1 or 2."""
    return check(libc.prctl(c_int(_PR_GET_DUMPABLE), _ZERO, _ZERO, _ZERO, _ZERO), "PR_GET_DUMPABLE")


def set_dumpable(value: int) -> None:
    """
    Say whether others may trace us and open what /proc shows of us.

    Inherited by fork, set back to 1 by execve.
    """
    check(libc.prctl(c_int(_PR_SET_DUMPABLE), c_ulong(value), _ZERO, _ZERO, _ZERO), "PR_SET_DUMPABLE")


def set_keep_capabilities() -> None:
    """Keep the permitted capabilities when all user ids become non-zero; until execve."""
    check(libc.prctl(c_int(_PR_SET_KEEPCAPS), c_ulong(1), _ZERO, _ZERO, _ZERO), "PR_SET_KEEPCAPS")


def drop_bounding(capability: int) -> None:
    """Take a capability out of the bounding set, for good; needs CAP_SETPCAP."""
    check(libc.prctl(c_int(_PR_CAPBSET_DROP), c_ulong(capability), _ZERO, _ZERO, _ZERO), "PR_CAPBSET_DROP")


def set_no_new_privs() -> None:
    """Let no execve give more rights than we have, for good."""
    check(libc.prctl(c_int(_PR_SET_NO_NEW_PRIVS), c_ulong(1), _ZERO, _ZERO, _ZERO), "PR_SET_NO_NEW_PRIVS")


def raise_ambient(capability: int) -> None:
    """Keep a capability over the execve of an ordinary program; it must be permitted and inheritable."""
    action = c_ulong(_PR_CAP_AMBIENT_RAISE)
    check(libc.prctl(c_int(_PR_CAP_AMBIENT), action, c_ulong(capability), _ZERO, _ZERO), "PR_CAP_AMBIENT_RAISE")


def clear_ambient() -> None:
    """Empty the ambient set."""
    action = c_ulong(_PR_CAP_AMBIENT_CLEAR_ALL)
    check(libc.prctl(c_int(_PR_CAP_AMBIENT), action, _ZERO, _ZERO, _ZERO), "PR_CAP_AMBIENT_CLEAR_ALL")
