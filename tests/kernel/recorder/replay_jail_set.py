"""The recorded cases of jail_set(2): parameters, flags, names, limits, updates, jails in jails."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_UPDATE
from runjd.kernel.freebsd.parameters import size_of
from tests.kernel.recorder.observed import NOT_REPLAYED, Case, Replay, answer, parameters, same, short

BASE = {"path": "/JR", "persist": "NULL/0"}
_SHORT_NAMES = {"hostname": "host.hostname", "domainname": "host.domainname", "hostuuid": "host.hostuuid"}


class JailSetReplay(Replay):
    """Makes, changes and removes jails."""

    area = "jail_set"

    def __init__(self) -> None:
        super().__init__()
        self.kernel.make_file("/tmp/afile")
        self.kernel.make_link("/tmp/jr", "/tmp/lnk")
        self.kernel.make_link("/nowhere", "/tmp/dang")
        self._sequence = 0

    def skipped(self, case: Case) -> None:
        """A jail that was made took a jid."""
        if isinstance(case.ret, int) and 0 < case.ret < 999999:
            self.kernel.state.last_jid = case.ret
        elif case.case.startswith("errmsg buffer of") or case.case in ("no errmsg buffer", "errmsg NULL/0"):
            self.kernel.state.last_jid += 1

    def known(self, case: Case) -> Iterator[str]:
        """A name that sysctl lists is a parameter; one that is a node of others is so only with a dot at the end."""
        name = case.input.removesuffix(".")
        jid = self._create({"name": "p", **BASE})[0]
        given = answer(lambda: len(self.kernel.jail_get([("jid", jid)], [name])))
        if case.input in ("allow", "children", "cpuset"):
            yield from same(given, (-1, "EINVAL", f"unknown parameter: {name}"))
        else:
            yield from same(given, (2 if name != "jid" else 1, None, ""))
        self.kernel.jail_remove(jid)
        self.kernel.state.last_jid = 0

    def defaults(self, case: Case) -> Iterator[str]:
        """What a jail is where nothing was said."""
        self.kernel.state.cpusets = 2
        jid = self._create({"name": "dflt", **BASE})[0]
        for name, wanted in case.out.items():
            if name == "host.hostid":
                continue  # was read into 4 bytes, which our buffer is not
            yield from self._one(jid, name, wanted)
        self._remove(jid)

    def sizes(self, case: Case) -> Iterator[str]:
        """The buffer that we give has a size that the kernel takes."""
        if case.input == "jid":
            yield NOT_REPLAYED
            return
        size = next((size for size in case.out if int(size) >= size_of(case.input)), "2048")
        yield from same(case.out[size][0], 1, case.input)

    def values_and_flags(self, case: Case) -> Iterator[str]:
        """Parameters and flags as they stand in the record."""
        if any("b'" in str(name) or "ctypes" in str(value) for name, value in case.input["params"].items()):
            yield NOT_REPLAYED
            return
        keep = case.case == "create for exist"
        yield from self._try(case, case.input["params"], case.input["flags"], keep)

    def base_and(self, case: Case) -> Iterator[str]:
        """Name, path and persist beside what stands in the record."""
        values = {**BASE, **case.input} if "name" in case.case else {"name": "b", **BASE, **case.input}
        yield from self._try(case, values)

    def too_much(self, case: Case) -> Iterator[str]:
        """A value, or a list, that is longer than the kernel takes."""
        values = [("name", "b"), ("path", "/tmp/jr"), ("persist", True)]
        more = [("host.hostname", bytes(70000))] if "value" in case.case else [("persist", True)] * 1024
        given = answer(lambda: self.kernel.jail_set([*values, *more], JAIL_CREATE))
        yield from self.compare(case, given)

    def name(self, case: Case) -> Iterator[str]:
        """A name as text, or as a count of the letter n."""
        given = case.input
        if isinstance(given, str) and given.endswith("*n"):
            given = "n" * int(given[:-2])
        yield from self._try(case, {"name": given, **BASE})

    def path(self, case: Case) -> Iterator[str]:
        """A path; two were recorded cut."""
        given = case.input if isinstance(case.input, dict) else {"path": case.input}
        if isinstance(case.input, str) and len(case.input) >= 80:
            # the whole of it was not written down, but that it was too long, or what was read back
            given = {"path": case.out["path"] if case.out else case.input * 20}
            if case.out:
                self.kernel.make_tree(case.out["path"])
        yield from self._try(case, {"name": "b", "persist": "NULL/0", **given})

    def clash(self, case: Case) -> Iterator[str]:
        """Two jails beside each other."""
        given = [self._create({"name": f"c{index}", **BASE, **values}) for index, values in enumerate(case.input)]
        yield from same([each[0] for each in given], case.ret)
        yield from same([each[1] for each in given], case.errno)
        yield from same([each[2] for each in given], case.errmsg)
        self._remove(*(each[0] for each in given))

    def update(self, case: Case) -> Iterator[str]:
        """A change of jail 138."""
        values = parameters({"jid": 138, **case.input})
        yield from self.compare(case, answer(lambda: self.kernel.jail_set(values, JAIL_UPDATE)))
        yield from self._read(138, case.out)

    def is_there(self, case: Case) -> Iterator[str]:
        """Jail 138 is gone."""
        yield from self.compare(case, answer(lambda: self.kernel.jail_get([("jid", 138)])["jid"]))

    def allow(self, case: Case) -> Iterator[str]:
        """Every way to write a boolean, one jail each."""
        for name, value, result, error, words, read in case.out:
            jid, *rest = self._create({"name": "b", **BASE, name: value})
            yield from same(["ok" if jid > 0 else jid, *rest], [result, error, words], name)
            if jid > 0:
                positive = case.input
                yield from same(self.kernel.jail_get([("jid", jid)], [positive])[positive], read, name)
                self._remove(jid)

    def negatives(self, case: Case) -> Iterator[str]:
        """Negative names can be read."""
        jid = self._create({"name": "b", **BASE})[0]
        for name, wanted in case.out.items():
            yield from self._one(jid, name, wanted)
        self._remove(jid)

    def nested(self, case: Case) -> Iterator[str]:
        """Jails below jail "par"."""
        if not self.kernel.state.prisons:
            self._create({"name": "par", **BASE, "children.max": 2, "devfs_ruleset": 4})
        stays = case.input["name"] in ("par.c1", "par.c2", "par.c3", "par.c1.g")
        yield from self._try(case, case.input, keep=stays)

    def children(self, case: Case) -> Iterator[str]:
        """How many children "par" has."""
        found = self.kernel.jail_get([("name", "par")], ["children.cur"])["children.cur"]
        yield from same(found, case.ret)

    def inside(self, case: Case) -> Iterator[str]:
        """What a jail that is full of children may do."""
        par = self.kernel.jail_get([("name", "par")])["jid"]
        wanted = case.out
        with self.kernel.acting_as(self.kernel.fork()):
            self.kernel.jail_attach(par)  # type: ignore[arg-type]
            for what, values in _INSIDE.items():
                given = self._create({"path": "/", "persist": "NULL/0", "name": "k1", **values})
                yield from same([*given, None], wanted[what], what)
            for what, call in _asked_inside(self.kernel, int(str(par))).items():
                given = answer(call)
                yield from same((given[0], given[2]), (wanted[what][0], (*wanted[what], "")[2]), what)
            self.kernel.jail_attach(413)

    def leaf(self, case: Case) -> Iterator[str]:
        """What a jail that may have no children may do."""
        jid = self._create({"name": "leaf", **BASE})[0]
        with self.kernel.acting_as(self.kernel.fork()):
            self.kernel.jail_attach(jid)
            yield from same(
                list(self._create({"name": "k", "path": "/", "persist": "NULL/0"})), case.out["create, children.max 0"]
            )
            yield from same(answer(lambda: self.kernel.jail_remove(1))[:2], (-1, "EINVAL"))
        self._remove(jid)

    def remove_parent(self, case: Case) -> Iterator[str]:
        """A parent goes with its children."""
        self._remove(412)
        for pid in [each.pid for each in self.kernel.state.processes.values() if each.status is not None]:
            self.kernel.reap(pid)
        yield from same(self.kernel.state.prisons, [])

    def child(self, case: Case) -> Iterator[str]:
        """A child that went with its parent."""
        yield from self.compare(case, answer(lambda: self.kernel.jail_get([("name", "par.c1")])["jid"]))

    def nobody(self, case: Case) -> Iterator[str]:
        """An ordinary user may look, and do nothing."""
        jid = self._create({"name": "b", **BASE})[0]
        with self.kernel.acting_as(self.kernel.fork()):
            self.kernel.state.me.uid = 65534
            yield from same(list(self._create({"name": "n", **BASE})), case.out[0])
            yield from same(self.kernel.jail_get([("lastjid", 0)])["jid"], case.out[1][0])
            yield from same(answer(lambda: self.kernel.jail_remove(jid))[:2], (-1, "EPERM"))
            yield from same(answer(lambda: self.kernel.jail_attach(jid))[:2], (-1, "EPERM"))
        self._remove(jid)

    def _try(self, case: Case, values: dict[str, Any], flags: int = JAIL_CREATE, keep: bool = False) -> Iterator[str]:
        result = self._create(values, flags)
        yield from self.compare(case, result)
        if result[0] > 0:
            yield from self._read(result[0], case.out)
            if not keep:
                self._remove(result[0])

    def _create(self, values: dict[str, Any], flags: int = JAIL_CREATE) -> tuple[Any, str | None, str]:
        return answer(lambda: self.kernel.jail_set(parameters(values), flags))

    def _read(self, jid: int, wanted: dict[str, Any] | None) -> Iterator[str]:
        for name, value in (wanted or {}).items():
            known = _SHORT_NAMES.get(name, name)
            if known == "jls" or known.startswith("get "):
                continue
            found = self.kernel.jail_get([("jid", jid)], [known])[known]
            # of long lists only the head was written down
            given = list(found)[: len(value)] if isinstance(found, tuple) else short(found)
            yield from same(given, value, name)

    def _one(self, jid: int, name: str, wanted: Any) -> Iterator[str]:
        given: Any = answer(lambda: self.kernel.jail_get([("jid", jid)], [name])[name])
        failed = given[1] is not None
        yield from same(list(given[1:]) if failed else short(given[0]), wanted, name)

    def _remove(self, *jids: int) -> None:
        for jid in jids:
            if jid > 0:
                self.kernel.jail_remove(jid)

    _table = (
        (r"param$", known),
        (r"defaults", defaults),
        (r"jail_get buffer sizes", sizes),
        (
            r"(enum|vnet|no persist|nopersist|persist|flags|create |CREATE|UPDATE non|UPDATE without|bad )",
            values_and_flags,
        ),
        (r"(clash|no clash|ip6 clash|ip4 addr vs)", clash),
        (r"(ip[46]|addr \+|host$|name/jid)", base_and),
        (r"name$", name),
        (r"path$", path),
        (r"UPDATE ", update),
        (r"exists after", is_there),
        (r"allow$", allow),
        (r"jail_get negative", negatives),
        (r"nest ", nested),
        (r"children.cur of", children),
        (r"from inside jail par", inside),
        (r"from inside jail leaf", leaf),
        (r"remove parent", remove_parent),
        (r"child after", child),
        (r"as nobody", nobody),
        (r"(value of 70000|iovec count 2048)", too_much),
    )


_INSIDE: dict[str, dict[str, Any]] = {
    "create k1": {},
    "create par.k2": {"name": "par.k2"},
    "ruleset 5": {"devfs_ruleset": 5},
    "enforce 0": {"enforce_statfs": 0},
    "allow.mlock": {"allow.mlock": "NULL/0"},
    "vnet": {"vnet": 1},
    "cmax": {"children.max": 1},
}


def _asked_inside(kernel: Any, own: int) -> dict[str, Any]:
    return {
        "get jid 0": lambda: kernel.jail_get([("jid", 0)])["jid"],
        "get name par": lambda: kernel.jail_get([("name", "par")])["jid"],
        "lastjid 0": lambda: kernel.jail_get([("lastjid", 0)])["jid"],
        "update own": lambda: kernel.jail_set([("jid", own), ("persist", True)], JAIL_UPDATE),
        "remove own": lambda: kernel.jail_remove(own),
        "attach own": lambda: kernel.jail_attach(own),
        "attach 999": lambda: kernel.jail_attach(999),
    }
