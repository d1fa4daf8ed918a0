"""
How jail_set(2) carries out what is wished, in the order of FreeBSD 13.2.

Jids are a counter: a wish that fails once its jail was begun has used one up.
"""

from __future__ import annotations

from runjd.kernel.freebsd.events import NOTE_JAIL_ATTACH, NOTE_JAIL_CHILD, NOTE_JAIL_SET
from runjd.kernel.freebsd.jail import INHERIT, JAIL_ATTACH, JAIL_CREATE, JAIL_DYING, JAIL_UPDATE, NEW
from runjd.kernel.recorder import life
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Interface, Prison
from runjd.kernel.recorder.wishes import ALLOWED_AT_FIRST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.paths import Paths
    from runjd.kernel.recorder.prisons import Prisons
    from runjd.kernel.recorder.state import Place, State
    from runjd.kernel.recorder.wishes import Wishes

_MOST_CHILDREN = 999_999
_NUMERIC = "name cannot be numeric (unless it is the jid)"
_SIMPLE = (
    "enforce_statfs",
    "devfs_ruleset",
    "securelevel",
    "children.max",
    "osreldate",
    "sysvmsg",
    "sysvsem",
    "sysvshm",
)
_HOST_VALUES = ("host.hostname", "host.domainname", "host.hostuuid", "host.hostid")

_SYSV = ("sysvmsg", "sysvsem", "sysvshm")


class Setting:
    """One call of jail_set(2)."""

    def __init__(self, state: State, paths: Paths, prisons: Prisons, wishes: Wishes) -> None:
        self._state = state
        self._paths = paths
        self._prisons = prisons
        self._wishes = wishes
        #: last part of the wished name; None where none is wished
        self._name: str | None = None

    def carry_out(self) -> int:
        """Return the jid of the jail that was made or changed."""
        root = self._root()
        prison, parent = self._find()
        created = prison is None
        if prison is None:
            prison = self._begin(parent, root)
        try:
            self._check(prison, created)
        except OSError:
            if created:
                self._state.prisons.remove(prison)
            raise
        self._apply(prison, created)
        if not created:
            life.tell_jail(self._state, prison, NOTE_JAIL_SET)
        elif prison.parent is not None:
            life.tell_jail(self._state, prison.parent, NOTE_JAIL_CHILD, prison.jid)
        if self._wishes.flags & JAIL_ATTACH:
            self._attach(prison, created)
        elif not prison.is_persistent and not self._is_used(prison):
            life.remove(self._state, prison)
        return prison.jid

    def _root(self) -> Place:
        path = self._wishes.texts.get("path")
        if path is None:
            return self._state.me.root
        place = self._paths.find(path)
        if not place.node.is_directory():
            raise refusal("ENOTDIR")
        return place

    def _find(self) -> tuple[Prison | None, Prison]:
        """Return the jail that is there already, if it may be changed, and the one above it."""
        wishes = self._wishes
        parent = self._state.mine()
        prison: Prison | None = None
        command = wishes.flags & (JAIL_CREATE | JAIL_UPDATE)
        jid = wishes.integers.get("jid", 0)
        name = wishes.texts.get("name")
        if not jid and name and command == JAIL_CREATE:
            jid = _number(name)
        if jid < 0:
            raise refusal("EINVAL", "negative jid")
        if jid:
            prison = self._by_jid(jid, command)
        if name is not None:
            prison, parent = self._by_name(name, prison, command)
        elif command == JAIL_UPDATE and prison is None:
            raise refusal("ENOENT", "update specified no jail")
        self._jid = jid
        return prison, parent

    def _by_jid(self, jid: int, command: int) -> Prison | None:
        prison = self._prisons.by_jid(jid)
        if prison is None:
            if command == JAIL_UPDATE:
                raise refusal("ENOENT", f"jail {jid} not found")
            return None
        if command == JAIL_CREATE:
            raise refusal("EEXIST", f"jail {jid} already exists")
        if prison.is_dying and not self._wishes.flags & JAIL_DYING:
            raise refusal("ENOENT", f"jail {jid} is dying")
        return prison

    def _by_name(self, name: str, prison: Prison | None, command: int) -> tuple[Prison | None, Prison]:
        mine = self._state.mine()
        above, dot, last = name.rpartition(".")
        parent = prison.parent if prison and prison.parent else mine
        if dot and prison is not None:
            if above != self._prisons.name_of(parent):
                raise refusal("EINVAL", "cannot change jail's parent")
        elif dot:
            found = [each for each in self._prisons.by_name(above) if not each.is_dying] if above else []
            if not found:
                raise refusal("ENOENT", f'jail "{above}" not found')
            parent = found[0]
        self._name = last
        if not last:
            return prison, parent
        siblings = [each for each in self._state.prisons if each.parent is parent and each.name == last]
        for each in siblings:
            if each is prison or each.is_dying:
                continue
            if prison is not None or command == JAIL_CREATE:
                raise refusal("EEXIST", f'jail "{name}" already exists')
            prison = each
        if prison is None and command == JAIL_UPDATE:
            dying = siblings and not self._wishes.flags & JAIL_DYING
            raise refusal("ENOENT", f'jail "{name}" {"is dying" if dying else "not found"}')
        return prison, parent

    def _begin(self, parent: Prison, root: Place) -> Prison:
        """Make a jail, which takes a jid."""
        state = self._state
        mine = state.mine()
        if mine is not state.host and self._prisons.value(mine, "children.cur") >= mine.values["children.max"]:
            raise refusal("EPERM", "prison limit exceeded")
        jid = self._jid
        while not jid or (not self._jid and any(each.jid == jid for each in state.prisons)):
            state.last_jid += 1
            jid = state.last_jid
        prison = Prison(jid, "", parent, root)
        state.cpusets += 1
        prison.values = {"allow": set(ALLOWED_AT_FIRST), "path": root.text(), "cpuset.id": state.cpusets}
        if parent is not state.host:
            prison.values["devfs_ruleset"] = parent.values.get("devfs_ruleset", 0)
            prison.values["allow"] &= parent.values["allow"]
        state.prisons.append(prison)
        return prison

    def _check(self, prison: Prison, created: bool) -> None:
        """Refuse what this jail cannot be: limits first, then addresses, the name, and what nobody knows."""
        wishes = self._wishes
        parent = prison.parent or self._state.host
        self._check_limits(parent)
        for name in ("ip4.addr", "ip6.addr"):
            if name in wishes.addresses:
                self._check_addresses(prison, parent, name, wishes.addresses[name], created)
        if self._name:
            _check_name(self._name, prison.jid)
        if parent is not self._state.host:
            wanted = {name for name, on in wishes.booleans.items() if on and name.startswith("allow.")}
            if not wanted <= parent.values["allow"]:
                raise refusal("EPERM")
        wishes.check_late()
        for name in _SYSV if parent is not self._state.host else ():
            # read in sysv_msg.c: it must be "disable" if the parent jail is disabled
            if wishes.integers.get(name) and not self._prisons.value(parent, name):
                raise refusal("EPERM")

    def _check_limits(self, parent: Prison) -> None:
        wished = self._wishes.integers
        limits = parent.values
        host = parent is self._state.host
        if wished.get("securelevel", 0) < (-1 if host else limits.get("securelevel", -1)) and "securelevel" in wished:
            raise refusal("EPERM")
        if wished.get("children.max", -1) >= (_MOST_CHILDREN if host else limits.get("children.max", 0)):
            raise refusal("EPERM")
        if not host and wished.get("enforce_statfs", 2) < limits.get("enforce_statfs", 2):
            raise refusal("EPERM")
        if not 0 <= wished.get("devfs_ruleset", 0) <= 65535:
            raise refusal("EINVAL")

    def _check_addresses(
        self, prison: Prison, parent: Prison, name: str, addresses: list[bytes], created: bool
    ) -> None:
        family = name.partition(".")[0]
        if not created and self._prisons.value(prison, family) == INHERIT:
            raise refusal("EINVAL", f"{family} cannot be changed after creation")
        above = parent
        if above is not self._state.host and above.values.get(family) != INHERIT and not above.has_vnet:
            if not set(addresses) <= set(above.values.get(name, [])):
                raise refusal("EPERM")
        for other in self._state.prisons:
            if other is prison or other.parent is not parent or other.is_dying or other.has_vnet:
                continue
            theirs = other.values.get(name, [])
            if set(theirs) & set(addresses) and (len(theirs) > 1 or len(addresses) > 1):
                raise refusal("EADDRINUSE", f"IPv{family[2]} addresses clash")

    def _apply(self, prison: Prison, created: bool) -> None:
        wishes = self._wishes
        values = prison.values
        if created or self._name is not None:
            prison.name = self._name or str(prison.jid)
        values.update({name: wishes.integers[name] for name in _SIMPLE if name in wishes.integers})
        if "osrelease" in wishes.texts:
            values["osrelease"] = wishes.texts["osrelease"]
        own = {**wishes.texts, **wishes.integers}
        given = {name: own[name] for name in _HOST_VALUES if name in own}
        values.update(given)
        if given or "host" in wishes.integers:
            values["host"] = NEW if given else wishes.integers["host"]
        values.update(wishes.addresses)
        for family in ("ip4", "ip6"):
            if family in wishes.integers and f"{family}.addr" not in wishes.addresses:
                values[family] = wishes.integers[family]
        if created and wishes.integers.get("vnet") == NEW:
            prison.has_vnet = True
            self._state.interfaces.append(Interface("lo0", "lo", 0, prison.jid))
        for name, on in wishes.booleans.items():
            if name == "persist":
                prison.is_persistent = on
            elif name.startswith("allow."):
                (values["allow"].add if on else values["allow"].discard)(name)
            else:
                values[name] = on
        if prison.is_persistent and prison.is_dying:
            prison.is_dying = False  # an update with JAIL_DYING and persist revives it

    def _attach(self, prison: Prison, created: bool) -> None:
        try:
            attach(self._state, prison, "jail_set")
        except OSError as error:
            if created:
                life.remove(self._state, prison)
            if error.errno == refusal("EPERM").errno:
                raise refusal("EPERM", "attach failed") from None
            raise

    def _is_used(self, prison: Prison) -> bool:
        everyone = self._state.processes.values()
        return prison.is_dying or any(each.jid == prison.jid and each.status is None for each in everyone)


def attach(state: State, prison: Prison, what: str) -> None:
    """Go into a jail, with no directory open."""
    files = state.me.descriptors.values()
    if any(file.place is not None and file.place.node.is_directory() for file in files):
        raise refusal("EPERM", what=what)
    if prison.root.mount.is_gone:
        raise refusal("ENOTDIR", what=what)
    life.tell_jail(state, prison, NOTE_JAIL_ATTACH, state.me.pid)
    state.me.jid = prison.jid
    state.me.root = state.me.directory = prison.root


def _number(name: str) -> int:
    """Return the jid that a name asks for, as strtoul(3) and a C int have it; 0 where it is no number."""
    digits = name[1:] if name[:1] in ("+", "-") else name
    if not digits.isascii() or not digits.isdigit():
        return 0
    number = int(name) & (2**64 - 1) if len(digits) < 20 else 2**64 - 1
    low = number & (2**32 - 1)
    return low - 2**32 if low >= 2**31 else low


def _check_name(name: str, jid: int) -> None:
    digits = name[1:] if name[:1] in ("+", "-") else name
    if digits.isascii() and digits.isdigit() and name != str(jid):
        raise refusal("EINVAL", _NUMERIC)
