"""The jails of a kernel in memory: how they are found, and what they tell of themselves."""

from __future__ import annotations

from runjd.kernel.freebsd.jail import DISABLE, INHERIT, JAIL_DYING, NEW
from runjd.kernel.freebsd.parameters import negated
from runjd.kernel.recorder.filesystems import FOR_JAILS
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Prison
from runjd.kernel.recorder.wishes import ALLOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runjd.kernel.recorder.state import State

_NO_UUID = "00000000-0000-0000-0000-000000000000"
_HOSTNAME = "fbsd"
_HOST_VALUES = ("host.hostname", "host.domainname", "host.hostuuid", "host.hostid")


class Prisons:
    """The table of jails, as the process that we are sees it."""

    def __init__(self, state: State) -> None:
        self._state = state
        state.host.values.update(
            {"host.hostname": _HOSTNAME, "osrelease": state.release, "osreldate": state.major * 100_000 + 2001}
        )

    def visible(self) -> list[Prison]:
        """Return the jails below our own, dying ones too."""
        mine = self._state.mine()
        return [each for each in self._state.prisons if each.is_below(mine)]

    def by_jid(self, jid: int) -> Prison | None:
        """Return the jail of a jid, also a dying one."""
        return next((each for each in self.visible() if each.jid == jid), None)

    def by_name(self, name: str) -> list[Prison]:
        """Return the jails of a name, seen from our own jail: at most one is alive, and it comes first."""
        found = [each for each in self.visible() if self.name_of(each) == name]
        return sorted(found, key=lambda each: each.is_dying)

    def name_of(self, prison: Prison) -> str:
        """Return a jail's name as it is called in ours."""
        mine, parts = self._state.mine(), []
        while prison is not mine and prison.parent is not None:
            parts.append(prison.name)
            prison = prison.parent
        return ".".join(reversed(parts))

    def look_up(self, select: dict[str, Any], flags: int) -> Prison:
        """
        Return the jail that jail_get(2) is asked for.

        :param select: "lastjid", "jid" and "name" as far as they are given.
        """
        if "lastjid" in select:
            after = [each for each in self.visible() if each.jid > select["lastjid"]]
            after = [each for each in after if flags & JAIL_DYING or not each.is_dying]
            if not after:
                raise refusal("ENOENT", f"no jail after {select['lastjid']}")
            return min(after, key=lambda each: each.jid)
        if select.get("jid"):
            prison = self.by_jid(select["jid"])
            return self._alive(prison, f"jail {select['jid']}", flags)
        if "name" in select:
            found = self.by_name(select["name"])
            return self._alive(found[0] if found else None, f'jail "{select["name"]}"', flags)
        raise refusal("ENOENT", "no jail specified")

    def value(self, prison: Prison, name: str) -> Any:
        """
        Return a parameter of a jail.

        :raise OSError: EINVAL for one that the kernel does not know.
        """
        values = prison.values
        if name in _FACTS:
            return _FACTS[name](self, prison)
        if name in _HOST_VALUES:
            shared = values.get("host", NEW) == INHERIT
            default: Any = {"host.hostuuid": _NO_UUID, "host.hostid": 0}.get(name, "")
            return (self._state.host.values if shared else values).get(name, default)
        if name in ("sysvmsg", "sysvsem", "sysvshm"):
            return values.get(name, INHERIT if "allow.sysvipc" in values["allow"] else DISABLE)
        if name in ("ip4", "ip6"):
            return INHERIT if prison.has_vnet or values.get(name) == INHERIT else DISABLE
        if name in ("ip4.addr", "ip6.addr"):
            return _unpack(name, values.get(name, []))
        if name in ("ip4.saddrsel", "ip6.saddrsel"):
            return int(values.get(name, True))
        if name in _DEFAULTS:
            return values.get(name, _DEFAULTS[name])
        if name in self._allowances():
            return int(name in values["allow"])
        return self._negative(prison, name)

    def _negative(self, prison: Prison, name: str) -> int:
        positive = ["persist", "ip4.saddrsel", "ip6.saddrsel", *self._allowances()]
        for each in positive:
            if negated(each) == name:
                return int(not self.value(prison, each))
        raise refusal("EINVAL", f"unknown parameter: {name}")

    def _allowances(self) -> set[str]:
        return {f"allow.{name}" for name in ALLOWED} | {f"allow.mount.{each}" for each in self.file_systems()}

    def file_systems(self) -> set[str]:
        """Return the file systems that a jail can be allowed to mount."""
        return self._state.file_systems & FOR_JAILS

    def _alive(self, prison: Prison | None, what: str, flags: int) -> Prison:
        if prison is None:
            raise refusal("ENOENT", f"{what} not found")
        if prison.is_dying and not flags & JAIL_DYING:
            raise refusal("ENOENT", f"{what} is dying")
        return prison

    def _children(self, prison: Prison) -> int:
        return sum(each.is_below(prison) for each in self._state.prisons)

    def _parent(self, prison: Prison) -> int:
        return 0 if prison.parent is None or prison.parent is self._state.mine() else prison.parent.jid


_FACTS: dict[str, Any] = {
    "jid": lambda table, prison: prison.jid,
    "name": lambda table, prison: table.name_of(prison),
    "parent": lambda table, prison: table._parent(prison),
    "path": lambda table, prison: prison.values.get("path", "/"),
    "persist": lambda table, prison: int(prison.is_persistent),
    "dying": lambda table, prison: int(prison.is_dying),
    "children.cur": lambda table, prison: table._children(prison),
    "vnet": lambda table, prison: NEW if prison.has_vnet else INHERIT,
    "osrelease": lambda table, prison: prison.values.get("osrelease", table._state.host.values["osrelease"]),
    "osreldate": lambda table, prison: prison.values.get("osreldate", table._state.host.values["osreldate"]),
}
_DEFAULTS = {
    "host": NEW, "enforce_statfs": 2, "devfs_ruleset": 0, "securelevel": -1, "children.max": 0, "cpuset.id": 0,
}  # fmt: skip


def _unpack(name: str, packed: list[bytes]) -> tuple[str, ...]:
    import _socket

    family = _socket.AF_INET if name == "ip4.addr" else _socket.AF_INET6
    return tuple(_socket.inet_ntop(family, each) for each in packed)
