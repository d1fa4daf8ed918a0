"""
The ``org.freebsd.jail.*`` annotations, by which ocijail is told of jails.

``org.freebsd.jail.`` is followed by ``vnet``, ``ip4.addr``, ``ip6.addr``, ``sysvmsg``,
``sysvsem``, ``sysvshm`` or ``allow.`` and a permission of jail(8);
``org.freebsd.parentJail`` names the parent.  Who does not know an annotation must
not complain (config.md, "Annotations"), so what is not understood there becomes a
notice; what is understood and makes no sense is a fault.
"""

from __future__ import annotations

from runjd.spec.addresses import address_fault
from runjd.spec.model import FreeBSDJail, JailAllow
from runjd.spec.quote import quoted
from runjd.spec.reader import Faults
from runjd.values import Value

PREFIX = "org.freebsd.jail."
PARENT = "org.freebsd.parentJail"

#: permissions of jail(8) to their fields in the model; all others are kept by name
ALLOW_FIELDS = {
    "set_hostname": "set_hostname",
    "raw_sockets": "raw_sockets",
    "chflags": "chflags",
    "quotas": "quotas",
    "socket_af": "socket_af",
    "mlock": "mlock",
    "reserved_ports": "reserved_ports",
    "suser": "suser",
}
#: permissions of jail(8) that the specification has no name for
_OTHER_NAMES = (
    "sysvipc read_msgbuf nfsd vmm adjtime settime extattr routing mount unprivileged_proc_debug "
    "unprivileged_parent_tampering"
)
_OTHERS = frozenset(_OTHER_NAMES.split())
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_SHARING = ("disable", "new", "inherit")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class Annotated(Value):
    """What annotations say of a jail, and what is to be told of those that say nothing we know."""

    jail: FreeBSDJail
    notices: tuple[str, ...] = ()


def read_annotations(annotations: tuple[tuple[str, str], ...], faults: Faults) -> Annotated:
    """
    Return what the annotations say.

    :param faults: takes what is understood and wrong, each with its JSON path.
    """
    reading = _Reading(faults)
    for key, value in annotations:
        if key == PARENT:
            reading.fields["parent"] = value
        elif key.startswith(PREFIX) and key not in (f"{PREFIX}jid", f"{PREFIX}name"):
            reading.read(key, key[len(PREFIX) :], value)
    allow = JailAllow(**reading.allow, mount=tuple(reading.mounts), others=tuple(reading.others))
    return Annotated(FreeBSDJail(**reading.fields, allow=allow), tuple(reading.notices))  # type: ignore[arg-type]


class _Reading:
    """One pass over the annotations."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self.fields: dict[str, object] = {}
        self.allow: dict[str, bool] = {}
        self.mounts: list[str] = []
        self.others: list[tuple[str, bool]] = []
        self.notices: list[str] = []

    def read(self, key: str, name: str, value: str) -> None:
        """Read one annotation by its name behind the prefix."""
        if name.startswith("allow."):
            self._allow(key, name[len("allow.") :], value)
        elif name == "vnet":
            self._choice(key, name, value, _SHARING[1:])
        elif name in ("sysvmsg", "sysvsem", "sysvshm"):
            self._choice(key, name, value, _SHARING)
        elif name in ("ip4.addr", "ip6.addr", "ip6.add"):
            # the last is ocijail's own spelling
            self._addresses(key, "ip4_addr" if name == "ip4.addr" else "ip6_addr", value)
        else:
            self.notices.append(f"annotation {quoted(key)} is not known, and was ignored")

    def _allow(self, key: str, name: str, value: str) -> None:
        granted = _BOOLEANS.get(value.lower())
        kind = name.removeprefix("mount.")
        if granted is None:
            self._fault(key, f"found {quoted(value)}, expected true or false")
        elif name in ALLOW_FIELDS:
            self.allow[ALLOW_FIELDS[name]] = granted
        elif kind != name and kind and _NAME.issuperset(kind):
            if granted:
                self.mounts.append(kind)
        elif name in _OTHERS:
            self.others.append((name, granted))
        else:
            self.notices.append(f"annotation {quoted(key)} names no permission of jail(8), and was ignored")

    def _choice(self, key: str, field: str, value: str, choices: tuple[str, ...]) -> None:
        if value in choices:
            self.fields[field] = value
        else:
            self._fault(key, f"found {quoted(value)}, expected one of {', '.join(choices)}")

    def _addresses(self, key: str, field: str, value: str) -> None:
        found = tuple(each.strip() for each in value.split(",") if each.strip())
        for each in found:
            reason = address_fault(each, 4 if field == "ip4_addr" else 6)
            if reason:
                self._fault(key, reason)
        self.fields[field] = found

    def _fault(self, key: str, reason: str) -> None:
        self._faults.add(f"annotations[{quoted(key, 100)}]", reason)
