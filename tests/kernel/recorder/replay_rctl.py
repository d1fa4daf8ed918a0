"""The recorded cases of rctl."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from runjd.kernel.freebsd.devfs import pack
from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_UPDATE
from tests.kernel.recorder.observed import NOT_REPLAYED, Case, Replay, answer, parameters, same

_PID = 35


class RctlReplay(Replay):
    """Adds, shows and removes rules."""

    area = "rctl"

    def __init__(self) -> None:
        super().__init__()
        self.kernel.state.last_pid = _PID - 1
        self.kernel.fork()
        self._create("rj")

    def usage(self, case: Case) -> Iterator[str]:
        """What a subject uses: which resources are told, in which order; the amounts are the machine's own."""
        given = answer(lambda: self.kernel.rctl_get_racct(case.input))
        if case.ret == 0:
            yield from same(_names(given[0]), _names(case.out))
            if case.input.startswith("jail:") and case.input != "jail:0":
                yield from same(given[0], case.out)
        else:
            yield from self.compare(case, given)

    def rules(self, case: Case) -> Iterator[str]:
        """The rules of a filter, newest first."""
        given = answer(lambda: self.kernel.rctl_get_rules(case.input))
        whole, cut, _ = case.out.partition("...(")
        yield from same(given[0][: len(whole)] if cut else given[0], whole)

    def limits(self, case: Case) -> Iterator[str]:
        """The rules that bind a process."""
        yield from same(answer(lambda: self.kernel.rctl_get_limits(case.input))[0], case.out)

    def add(self, case: Case) -> Iterator[str]:
        """One rule more."""
        rule = case.input
        if cut := re.fullmatch(r"(x+)\.\.\.\((\d+)\)", rule):
            rule = "x" * int(cut[2])
        yield from self.compare(case, answer(lambda: self.kernel.rctl_add_rule(rule)))

    def remove(self, case: Case) -> Iterator[str]:
        """Rules that match; the empty filter is refused by us, and takes all."""
        if not case.input:
            self.kernel.state.rules.clear()
            yield NOT_REPLAYED
            return
        yield from self.compare(case, answer(lambda: self.kernel.rctl_remove_rule(case.input)))

    def nobody(self, case: Case) -> Iterator[str]:
        """Neither an ordinary user nor a jail may ask."""
        with self.kernel.acting_as(self.kernel.fork()):
            if "nobody" in case.case:
                self.kernel.state.me.uid = 65534
            else:
                self.kernel.jail_attach(self.kernel.jail_get([("name", "rj")])["jid"])  # type: ignore[arg-type]
            for call in (
                lambda: self.kernel.rctl_get_racct("jail:rj"),
                lambda: self.kernel.rctl_add_rule("jail:rj:maxproc:deny=5"),
                lambda: self.kernel.rctl_get_rules("jail:"),
                lambda: self.kernel.rctl_get_racct("user:65534"),
            ):
                yield from same(answer(call)[:2], (-1, "EPERM"))

    def walk(self, case: Case) -> Iterator[str]:
        """The rules of ruleset 4, as bytes."""
        import os
        import struct

        self.kernel.make_tree("/tmp/dv")
        self.kernel.nmount([("fstype", "devfs"), ("fspath", "/tmp/dv")])
        found = []
        for rule in self.kernel.rules(self.kernel.open("/tmp/dv", os.O_RDONLY), 4):
            fields = struct.unpack("<IIii200siiIIHH", pack(rule, 4))
            pattern = fields[4].rstrip(b"\0").decode()
            found.append(
                {"id": hex(fields[1]), "icond": fields[2], "pat": pattern, "iacts": fields[5], "bacts": fields[6],
                 "mode": oct(fields[9]), "inc": fields[10]}
            )  # fmt: skip
        yield from same([*found, "ENOENT"], case.out)

    def terminal(self, case: Case) -> Iterator[str]:
        """A terminal appears in a devfs of ruleset 4 with its directory."""
        self.kernel.make_tree("/tmp/dv4")
        self.kernel.nmount([("fstype", "devfs"), ("fspath", "/tmp/dv4"), ("ruleset", "4")])
        before = set(self.kernel.listdir("/tmp/dv4"))
        self.kernel.open_terminal()
        yield from same(set(self.kernel.listdir("/tmp/dv4")) - before, {"pts"})
        yield from same(self.kernel.listdir("/tmp/dv4/pts"), ["0"])

    def renamed(self, case: Case) -> Iterator[str]:
        """The rules of a jail stay with its old name."""
        self._create("ra")
        self.kernel.rctl_add_rule("jail:ra:maxproc:deny=2")
        jid = self.kernel.jail_get([("name", "ra")])["jid"]
        self.kernel.jail_set(parameters({"jid": jid, "name": "rb"}), JAIL_UPDATE)
        yield from same(self.kernel.rctl_get_rules("jail:ra:"), case.out[0])
        yield from same(self.kernel.rctl_get_rules("jail:rb:"), case.out[1])

    def outlived(self, case: Case) -> Iterator[str]:
        """The rules of a jail stay when it is gone."""
        self._create("rc")
        self.kernel.rctl_add_rule("jail:rc:maxproc:deny=2")
        self.kernel.jail_remove(self.kernel.jail_get([("name", "rc")])["jid"])  # type: ignore[arg-type]
        yield from same(self.kernel.rctl_get_rules("jail:rc:"), case.out[2])

    def bound(self, case: Case) -> Iterator[str]:
        """How many processes a jail gets beside the one that enters; a rule may be older than the jail."""
        name = {"maxproc:deny=2 in the jail: attach + 4 forks": "rj"}.get(case.case, "rule")
        rule = f"jail:{name}:maxproc:deny=2"
        if "par" in case.case:
            name, rule = "par.kid", "jail:par:maxproc:deny=1"
            self._create("par")
        wanted = case.out[1] if name == "rj" else case.out
        self.kernel.rctl_add_rule(rule)
        if name != "rj":
            self._create(name)
        first = self.kernel.fork()
        self.kernel.state.processes[first].descriptors.clear()
        children = [first]
        with self.kernel.acting_as(first):
            self.kernel.jail_attach(self.kernel.jail_get([("name", name)])["jid"])  # type: ignore[arg-type]
            for each in wanted:
                given = answer(self.kernel.fork)
                yield from same(given[1] or "ok", each)
                children += [given[0]] if given[1] is None else []
        for pid in children:
            self.kernel.exit(pid)
        self.kernel.reap(first)
        self.kernel.rctl_remove_rule(rule)
        if name != "rj":
            self.kernel.jail_remove(self.kernel.jail_get([("name", name.partition(".")[0])])["jid"])  # type: ignore[arg-type]

    def attached(self, case: Case) -> Iterator[str]:
        """To enter is never denied."""
        child = self.kernel.fork()
        self.kernel.state.processes[child].descriptors.clear()
        self.kernel.rctl_add_rule("jail:rj:maxproc:deny=0")
        with self.kernel.acting_as(child):
            given = answer(lambda: self.kernel.jail_attach(self.kernel.jail_get([("name", "rj")])["jid"]))  # type: ignore[arg-type]
        yield from same(given[0], case.out[0])
        self.kernel.rctl_remove_rule("jail:rj:maxproc:deny=0")
        self.kernel.exit(child)
        self.kernel.reap(child)

    def numbers(self, case: Case) -> Iterator[str]:
        """Values of the kernel that are about accounting."""
        for line in case.out.splitlines():
            name, _, value = line.partition(": ")
            yield from same(self.kernel.sysctl_number(name), int(value), name)

    def order(self, case: Case) -> Iterator[str]:
        """A rule that differs only in its amount takes the other's place; the newest is first."""
        for rule in (
            "maxproc:deny=5",
            "maxproc:deny=6",
            "maxproc:deny=7/user",
            "maxproc:log=4",
            "memoryuse:sigkill=1000",
        ):
            self.kernel.rctl_add_rule(f"jail:rd:{rule}")
        yield from same(self.kernel.rctl_get_rules("jail:rd:"), case.out[2])

    def of_child(self, case: Case) -> Iterator[str]:
        """A child jail has rules of its own, by its full name."""
        yield from same(answer(lambda: self.kernel.rctl_add_rule("jail:par.kid:maxproc:deny=1"))[0], case.out[0][0])
        yield from same(self.kernel.rctl_get_rules("jail:par.kid:"), case.out[1][2])

    def _create(self, name: str) -> None:
        self.kernel.jail_set(parameters({"name": name, "path": "/JR", "persist": "NULL/0"}), JAIL_CREATE)

    _table: Any = (
        (r"get_racct$", usage),
        (r"get_rules$", rules),
        (r"get_limits$", limits),
        (r"add( outbuf=0)?$", add),
        (r"remove$", remove),
        (r"(as nobody|inside the jail)", nobody),
        (r"RGETNEXT", walk),
        (r"ruleset 4 mount", terminal),
        (r"rctl rule then", renamed),
        (r"  rules after the jail is gone", outlived),
        (r"get_rules order", order),
        (r"(maxproc:deny=2 in the jail|rule added before|  same name created|rule on the parent)", bound),
        (r"jail_attach with maxproc", attached),
        (r"sysctls", numbers),
        (r"  rule 'jail:par.kid", of_child),
    )


def _names(usage: str) -> list[str]:
    return [each.partition("=")[0] for each in usage.split(",")]
