"""Jails of a kernel in memory: jail_set(2), jail_get(2), jail_attach(2), jail_remove(2)."""

from __future__ import annotations

import struct

from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_DYING, JAIL_GET_DESC, JAIL_OWN_DESC
from runjd.kernel.freebsd.parameters import encode
from runjd.kernel.recorder import life
from runjd.kernel.recorder.files import hold
from runjd.kernel.recorder.prisons import Prisons
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.setting import Setting, attach
from runjd.kernel.recorder.state import OpenFile, Prison
from runjd.kernel.recorder.wishes import Wishes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runjd.kernel.freebsd.parameters import Parameters
    from runjd.kernel.recorder.paths import Paths
    from runjd.kernel.recorder.state import State


#: what jail_set(2) takes: pairs, and bytes of a value
_MOST_PAIRS = 512
_LONGEST_VALUE = 64 * 1024


class Jails:
    """The system calls of jails."""

    def __init__(self, state: State, paths: Paths, prisons: Prisons) -> None:
        self._state = state
        self._paths = paths
        self._prisons = prisons

    def jail_set(self, parameters: Parameters, flags: int) -> int:
        pairs = encode(parameters)
        try:
            if not self._state.is_root():
                raise refusal("EPERM")
            if len(pairs) > _MOST_PAIRS or any(value and len(value) > _LONGEST_VALUE for _, value in pairs):
                raise refusal("EINVAL")
            mine = self._state.mine()
            if flags & JAIL_CREATE and mine is not self._state.host and not mine.values.get("children.max"):
                raise refusal("EPERM")
            wishes = Wishes(pairs, flags, self._prisons.file_systems())
            return Setting(self._state, self._paths, self._prisons, wishes).carry_out()
        except OSError as error:
            error.filename = "jail_set"
            raise

    def jail_get(
        self, select: Parameters, wanted: Sequence[str] = (), flags: int = 0
    ) -> dict[str, str | int | tuple[str, ...]]:
        try:
            descriptors = JAIL_GET_DESC | JAIL_OWN_DESC if self._state.major >= 15 else 0
            if flags & ~(JAIL_DYING | descriptors):
                raise refusal("EINVAL")
            given = {}
            unknown = []
            for name, value in encode(select):
                if name in ("lastjid", "jid"):
                    if value is None or len(value) != 4:
                        raise refusal("EINVAL")
                    given[name] = struct.unpack("=i", value)[0]
                elif name == "name":
                    if not value or not value.endswith(b"\0"):
                        raise refusal("EINVAL")
                    given[name] = value.partition(b"\0")[0].decode("utf-8", "surrogateescape")
                else:
                    unknown.append(name)
            prison = self._prisons.look_up(given, flags)
            for name in unknown:
                self._prisons.value(prison, name)
            found = {name: self._prisons.value(prison, name) for name in wanted if name != "desc"}
            if "desc" in wanted:
                found["desc"] = self._open(prison, flags)
            return {**found, "jid": prison.jid}
        except OSError as error:
            error.filename = "jail_get"
            raise

    def jail_attach(self, jid: int) -> None:
        if not self._state.is_root():
            raise refusal("EPERM", what=f"jail_attach {jid}")
        prison = self._prisons.by_jid(jid)
        if prison is None or prison.is_dying:
            raise refusal("EINVAL", what=f"jail_attach {jid}")
        attach(self._state, prison, f"jail_attach {jid}")

    def jail_remove(self, jid: int) -> None:
        if not self._state.is_root():
            raise refusal("EPERM", what=f"jail_remove {jid}")
        prison = self._prisons.by_jid(jid)
        if prison is None:
            raise refusal("EINVAL", what=f"jail_remove {jid}")
        life.remove(self._state, prison)

    def jail_attach_jd(self, descriptor: int) -> None:
        self.jail_attach(self._prison_of(descriptor, "jail_attach_jd").jid)

    def jail_remove_jd(self, descriptor: int) -> None:
        self.jail_remove(self._prison_of(descriptor, "jail_remove_jd").jid)

    def set_jail_affinity(self, jid: int, processors: Iterable[int]) -> None:
        prison = self._prisons.by_jid(jid)
        if prison is None:
            raise refusal("ESRCH", what=f"cpuset of jail {jid}")
        wanted = tuple(sorted(set(processors)))
        if not set(wanted) <= set(range(self._state.processors)):
            raise refusal("EINVAL", what=f"cpuset of jail {jid}")
        if not wanted:
            raise refusal("EDEADLK", what=f"cpuset of jail {jid}")
        prison.processors = wanted

    def jail_affinity(self, jid: int) -> tuple[int, ...]:
        prison = self._prisons.by_jid(jid)
        if prison is None:
            raise refusal("ESRCH", what=f"cpuset of jail {jid}")
        return prison.processors or tuple(range(self._state.processors))

    def _open(self, prison: Prison, flags: int) -> int:
        if not flags & (JAIL_GET_DESC | JAIL_OWN_DESC):
            raise refusal("EINVAL", "unknown parameter: desc" if self._state.major < 15 else "")
        file = OpenFile(None, 0, self._state.me.jid)
        file.prison, file.owns = prison, bool(flags & JAIL_OWN_DESC)
        return hold(self._state.me, file)

    def _prison_of(self, descriptor: int, what: str) -> Prison:
        if self._state.major < 15:
            raise refusal("ENOSYS", what=what)
        file = self._state.me.descriptors.get(descriptor)
        if file is None or file.prison is None:
            raise refusal("EBADF" if file is None else "EINVAL", what=what)
        return file.prison
