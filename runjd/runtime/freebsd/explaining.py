"""
Which property a refusal of jail_set(2) is about.

The kernel has words for some, with the name of the parameter or the family of addresses.
What a child may not have because its parent has it not is EPERM without a word (seen on
13.2), so the parent is asked.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.freebsd.parameters import Parameter
    from runjd.runtime.freebsd.steps import MakeJail

_ADDRESSES = {"ip4.addr": "IPv4", "ip6.addr": "IPv6"}
_SYSV = ("sysvmsg", "sysvsem", "sysvshm")
_INHERIT = 2
#: a jail is not told of itself, so nobody can say which property it is
_CHILD = (
    "runj is in a jail itself, and its children have no more than it: see its children.max, its allow.*, "
    'and whether it has sysvmsg, sysvsem and sysvshm (else say "disable")'
)


def explained(kernel: FreeBSDKernel, error: OSError, step: MakeJail) -> OSError | RuntimeFailure:
    """Return the kernel's error with the property it is about, as far as that can be told."""
    words = error.strerror or ""
    for each in step.parameters:
        is_unknown = words.startswith("unknown parameter: ") and words.endswith(f" {each.name}")
        if each.path and (is_unknown or _ADDRESSES.get(each.name, "-") in words):
            return RuntimeFailure(str(step), words, each.path, error.errno or 0)
    parent = str(step.parameters[0].value).rpartition(".")[0]
    if error.errno == errno.EPERM and parent:
        for each in step.parameters:
            reason = _looser(kernel, parent, each) if each.path else ""
            if reason:
                return RuntimeFailure(str(step), f"{reason} (the parent jail {parent})", each.path, error.errno)
    if error.errno == errno.EPERM and words == os.strerror(errno.EPERM) and _is_in_jail(kernel):
        return RuntimeFailure(str(step), _CHILD, errno=error.errno)
    return error


def _is_in_jail(kernel: FreeBSDKernel) -> bool:
    try:
        return bool(kernel.sysctl_number("security.jail.jailed"))
    except OSError:
        return False


def _looser(kernel: FreeBSDKernel, parent: str, parameter: Parameter) -> str:
    """Return why a child of a jail may not have a parameter, empty where it may."""
    name, value = parameter.name, parameter.value
    try:
        if name in _ADDRESSES and isinstance(value, tuple):
            found = kernel.jail_get((("name", parent),), (name.partition(".")[0], name))
            theirs = found[name] if isinstance(found[name], tuple) else ()
            others = [each for each in value if each not in theirs]  # type: ignore[operator]
            return f"its parent does not have {others[0]}" if others and found[name[:3]] != _INHERIT else ""
        if name == "enforce_statfs":
            most = int(str(kernel.jail_get((("name", parent),), (name,))[name]))
            return f"its parent has {most}, and it may not have less" if int(str(value)) < most else ""
        if name in _SYSV and value:
            theirs = kernel.jail_get((("name", parent),), (name,))[name]
            return "" if theirs else 'its parent has none: say "disable"'
        if name.startswith("allow.") and value is True:
            return "" if kernel.jail_get((("name", parent),), (name,))[name] else "its parent may not do that"
    except OSError:
        return ""
    return ""
