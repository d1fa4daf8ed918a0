"""
What a caller of jail_set(2) wishes: judged by form only, before any jail is looked at.

The kernel looks at flags, then at sizes and ranges of integers, at texts, addresses
and the path; whether it knows a parameter at all it asks last.  Order and words
are those of FreeBSD 13.2.
"""

from __future__ import annotations

import struct

from runjd.kernel.freebsd.jail import JAIL_ATTACH, JAIL_CREATE, JAIL_UPDATE
from runjd.kernel.freebsd.parameters import negated
from runjd.kernel.recorder.refusal import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.freebsd.parameters import Pairs

_KNOWN_FLAGS = 0x0F
#: how jails may share with the host: whether disable (0) is possible
_SHARED = {"host": False, "vnet": False, "ip4": True, "ip6": True}
#: the same, but of a module of the kernel, which is asked late
_OF_MODULES = ("sysvmsg", "sysvsem", "sysvshm")
_INTEGERS = ("jid", "securelevel", "children.max", "enforce_statfs", "devfs_ruleset", "osreldate")
_TEXTS = {"name": 256, "host.hostname": 256, "host.domainname": 256, "host.hostuuid": 64, "osrelease": 31, "path": 1024}
ALLOWED = (
    "set_hostname", "sysvipc", "raw_sockets", "chflags", "mount", "quotas", "socket_af", "mlock", "reserved_ports",
    "read_msgbuf", "unprivileged_proc_debug", "suser",
)  # fmt: skip
ALLOWED_AT_FIRST = frozenset(
    f"allow.{name}" for name in ("set_hostname", "reserved_ports", "unprivileged_proc_debug", "suser")
)
_ADDRESSES = {"ip4.addr": (4, "IPv4"), "ip6.addr": (16, "IPv6")}
_MOST_ADDRESSES = 255


class Wishes:
    """
    The parameters of one call.

    :param pairs: as the kernel gets them.
    :param file_systems: that a jail can be allowed to mount.
    """

    def __init__(self, pairs: Pairs, flags: int, file_systems: set[str]) -> None:
        if flags & ~_KNOWN_FLAGS:
            raise refusal("EINVAL")
        self.flags = flags
        self.is_update = bool(flags & JAIL_UPDATE)
        #: the last one of a name counts
        self.raw = dict(pairs)
        self.booleans: dict[str, bool] = {}
        self.integers: dict[str, int] = {}
        self.texts: dict[str, str] = {}
        self.addresses: dict[str, list[bytes]] = {}
        self._known = {"persist", "ip4.saddrsel", "ip6.saddrsel"}
        self._known |= {f"allow.{name}" for name in ALLOWED} | {f"allow.mount.{name}" for name in file_systems}
        self._read_integers()
        self._read_booleans(pairs)
        if not flags & (JAIL_CREATE | JAIL_UPDATE):
            raise refusal("EINVAL", "no valid operation (create or update)")
        if flags & (JAIL_CREATE | JAIL_UPDATE | JAIL_ATTACH) == JAIL_CREATE and not self.booleans.get("persist"):
            raise refusal("EINVAL", "new jail must persist or attach")
        self._refuse_changes("vnet", "ip4", "ip6")
        self._read_texts()
        self._read_addresses()
        if "vnet" in self.raw and any(name in self.raw for name in ("ip4", "ip6", "ip4.addr", "ip6.addr")):
            raise refusal("EINVAL", "vnet jails cannot have IP address restrictions")
        self._refuse_changes("osrelease", "osreldate")
        if self.integers.get("osreldate") == 0:
            raise refusal("EINVAL", "osreldate cannot be 0")
        self._refuse_changes("path")

    def check_late(self) -> None:
        """Refuse what modules refuse, and the first parameter that nobody knows."""
        for name in _OF_MODULES:
            if name in self.raw:
                self.integers[name] = self._integer(name, 4)
                if not 0 <= self.integers[name] <= 2:
                    raise refusal("EINVAL")
        known = {*_SHARED, *_OF_MODULES, *_INTEGERS, *_TEXTS, *_ADDRESSES, "host.hostid", "errmsg"}
        known |= self._known | {negated(name) for name in self._known}
        for name in self.raw:
            if name not in known:
                raise refusal("EINVAL", f"unknown parameter: {name}")

    def _read_integers(self) -> None:
        for name in _INTEGERS:
            if name in self.raw:
                self.integers[name] = self._integer(name, 4)
        if not 0 <= self.integers.get("enforce_statfs", 0) <= 2:
            raise refusal("EINVAL")
        for name, may_be_off in _SHARED.items():
            if name not in self.raw:
                continue
            value = self._integer(name, 4)
            if not (0 if may_be_off else 1) <= value <= 2:
                raise refusal("EINVAL")
            self.integers[name] = value
        if "host.hostid" in self.raw:
            self.integers["host.hostid"] = self._integer("host.hostid", 8)

    def _integer(self, name: str, size: int) -> int:
        value = self.raw[name]
        if value is None or len(value) != size:
            raise refusal("EINVAL")
        return int(struct.unpack("=i" if size == 4 else "=Q", value)[0])

    def _read_booleans(self, pairs: Pairs) -> None:
        """Whatever their values are, the later name counts."""
        for name, _ in pairs:
            for known in self._known:
                if name in (known, negated(known)):
                    self.booleans[known] = name == known

    def _read_texts(self) -> None:
        for name, size in _TEXTS.items():
            if name not in self.raw:
                continue
            value = self.raw[name]
            if not value or not value.endswith(b"\0"):
                raise refusal("EINVAL")
            text = value.partition(b"\0")[0]
            if len(text) >= size and name == "osrelease":
                raise refusal("ENAMETOOLONG", "osrelease string must be 1-31 bytes long")
            if len(value) > size and name != "path" and len(text) >= size:
                raise refusal("ENAMETOOLONG")
            self.texts[name] = text.decode("utf-8", "surrogateescape")

    def _read_addresses(self) -> None:
        for name, (size, family) in _ADDRESSES.items():
            if name not in self.raw:
                continue
            value = self.raw[name] or b""
            if len(value) % size:
                raise refusal("EINVAL")
            found = [value[at : at + size] for at in range(0, len(value), size)]
            if len(found) > _MOST_ADDRESSES:
                raise refusal("EINVAL", f"too many {family} addresses")
            if bytes(size) in found or b"\xff\xff\xff\xff" in found or len(set(found)) < len(found):
                raise refusal("EINVAL")
            # The first is the primary one and stays, the rest is sorted.
            self.addresses[name] = found[:1] + sorted(found[1:])

    def _refuse_changes(self, *names: str) -> None:
        for name in names:
            if self.is_update and name in self.raw:
                raise refusal("EINVAL", f"{name} cannot be changed after creation")
