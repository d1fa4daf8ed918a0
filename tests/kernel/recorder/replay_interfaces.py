"""The recorded cases of interfaces and of jails with networks of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from runjd.kernel.freebsd.jail import JAIL_CREATE
from runjd.kernel.recorder.state import OpenFile
from tests.kernel.recorder.observed import NOT_REPLAYED, Case, Replay, answer, parameters, same


class InterfaceReplay(Replay):
    """Moves interfaces in and out of jails; jail 1 has a network, jail 2 has none."""

    area = "vnet"

    def __init__(self) -> None:
        super().__init__()
        self._create("v1", vnet=1)
        self._create("n1")

    def create(self, case: Case) -> Iterator[str]:
        """A new pair is known by its first end."""
        yield from same(self.kernel.create_interface("epair"), case.out)

    def before(self, case: Case) -> Iterator[str]:
        """The second end is up and has addresses."""
        self.kernel.add_address("epair0b", "10.9.1.2", 24)
        self.kernel.bring_up("epair0b")
        yield from same("UP" in case.out and "10.9.1.2" in case.out, True)

    def fresh(self, case: Case) -> Iterator[str]:
        """A new network has lo0 only, which is down and has no address."""
        lo0 = next(each for each in self.kernel.state.interfaces if each.network == 1)
        yield from same((lo0.name, lo0.is_up, lo0.addresses), (case.out.partition(":")[0], "UP," in case.out, {}))

    def move(self, case: Case) -> Iterator[str]:
        """From the host into a jail."""
        self._named(case)
        given = answer(lambda: self.kernel.move_into_jail(case.input["if"], case.input["jid"]))
        yield from same(given[:2], (case.ret, case.errno))

    def reclaim(self, case: Case) -> Iterator[str]:
        """From a jail to the host."""
        self._named(case)
        given = answer(lambda: self.kernel.reclaim_from_jail(case.input["if"], case.input["jid"]))
        yield from same(given[:2], (case.ret, case.errno))

    def hidden(self, case: Case) -> Iterator[str]:
        """What is in a jail is not on the host."""
        yield from same("epair0b" in self.kernel.interface_names(), "does not exist" not in case.out)

    def bare(self, case: Case) -> Iterator[str]:
        """What was moved is down and has no addresses."""
        end = next(each for each in self.kernel.state.interfaces if each.name == "epair0b")
        yield from same((end.is_up, bool(end.addresses)), ("<UP" in case.out, "inet 10.9.1.2" in case.out))

    def rename(self, case: Case) -> Iterator[str]:
        """A jail may give another name."""
        end = next(each for each in self.kernel.state.interfaces if each.name == "epair0b")
        end.name = case.out
        yield from ()

    def host_has(self, case: Case) -> Iterator[str]:
        """It comes back with that name."""
        yield from same(" ".join(self.kernel.interface_names()), case.out)
        next(each for each in self.kernel.state.interfaces if each.name == "eth0").name = "epair0b"

    def both(self, case: Case) -> Iterator[str]:
        """What the host and jail 1 have."""
        inside = [each.name for each in self.kernel.state.interfaces if each.network == 1]
        yield from same(
            (self.kernel.interface_names().count("dup0"), inside), (case.out[0].count("dup0"), [case.out[1]])
        )

    def removed(self, case: Case) -> Iterator[str]:
        """A jail's interfaces go home when it ends."""
        self.kernel.jail_remove(1)
        yield from same(sorted(self.kernel.interface_names()), sorted(case.out["list"].split()))
        self._create("v2", vnet=1)

    def with_zombie(self, case: Case) -> Iterator[str]:
        """They stay until the last process is reaped, but can be taken."""
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(3)
        self.kernel.jail_remove(3)
        out = case.out
        yield from same(sorted(self.kernel.interface_names()), sorted(out["zombie unreaped: host list"].split()))
        yield from same(answer(lambda: self.kernel.reclaim_from_jail("epair0b", 3))[0], 0)
        yield from same(sorted(self.kernel.interface_names()), sorted(out["after reclaim"].split()))
        self.kernel.reap(child)

    def with_socket(self, case: Case) -> Iterator[str]:
        """They stay while the host holds a socket that was made inside."""
        jid = self._create("v3", vnet=1)
        self.kernel.move_into_jail("epair0b", jid)
        self.kernel.state.me.descriptors[99] = OpenFile(None, os.O_RDWR, jid)
        self.kernel.jail_remove(jid)
        yield from same(sorted(self.kernel.interface_names()), sorted(case.out["host list"].split()))
        self.kernel.close(99)
        yield from same(sorted(self.kernel.interface_names()), sorted(case.out["after closing it"].split()))

    def destroyed(self, case: Case) -> Iterator[str]:
        """A pair goes as a whole, also when one end is in a jail."""
        jid = self._create("v4", vnet=1)
        self.kernel.move_into_jail("epair0b", jid)
        self.kernel.destroy_interface("epair0a")
        inside = [each.name for each in self.kernel.state.interfaces if each.network == jid]
        yield from same([sorted(self.kernel.interface_names()), inside], [sorted(case.out[1].split()), [case.out[2]]])
        self.kernel.jail_remove(jid)

    def cloned(self, case: Case) -> Iterator[str]:
        """What was made inside ends with the jail."""
        jid = self._create("v5", vnet=1)
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(jid)
            made = [self.kernel.create_interface("epair"), self.kernel.create_interface("lo1")]
            yield from same("\n".join(made), "\n".join(case.out[0].splitlines()[:2]))
            yield from same(" ".join(self.kernel.interface_names()), case.out[0].splitlines()[2])
        self.kernel.exit(child)
        self.kernel.reap(child)
        self.kernel.jail_remove(jid)
        yield from same(sorted(self.kernel.interface_names()), sorted(case.out[1].split()))

    def from_inside(self, case: Case) -> Iterator[str]:
        """A jail cannot move an interface to itself."""
        jid = self._create("v6", vnet=1)
        child = self.kernel.fork()
        with self.kernel.acting_as(child):
            self.kernel.jail_attach(jid)
            given = answer(lambda: self.kernel.move_into_jail("lo0", jid))
            yield from same(list(given[:2]), case.out)
        self.kernel.exit(child)
        self.kernel.reap(child)
        self.kernel.jail_remove(jid)

    def command(self, case: Case) -> Iterator[str]:
        """Aliases as ifconfig(8) makes them: its exit status tells of the error."""
        words = case.input.split()
        if not {"alias", "-alias"} & set(words):
            yield NOT_REPLAYED
            return
        wanted = case.out.partition("\n")[0] == "rc=0"
        address, _, prefix = next(word for word in words if "." in word or "::" in word).partition("/")
        if "-alias" in words:
            given = answer(lambda: self.kernel.remove_address(words[1], address))
            yield from same(given[1] if not wanted else None, None if wanted else "EADDRNOTAVAIL")
        else:
            given = answer(lambda: self.kernel.add_address(words[1], address, int(prefix)))
        yield from same(given[0] == 0, wanted, case.input)

    def alias(self, case: Case) -> Iterator[str]:
        """Aliases by ioctl."""
        name = "nosuch0" if "unknown" in case.case else "lo0"
        if case.case.startswith("SIOCAIFADDR"):
            given = answer(lambda: self.kernel.add_address(name, "127.0.0.6", 32))
        else:
            given = answer(lambda: self.kernel.remove_address(name, "127.0.0.6"))
        yield from same(given[:2], (case.ret, case.errno))

    def clone(self, case: Case) -> Iterator[str]:
        """A pair by ioctl."""
        self._made = self.kernel.create_interface("epair")
        yield from same(self._made.startswith("epair"), True)

    def destroy(self, case: Case) -> Iterator[str]:
        """It is destroyed once."""
        yield from same(answer(lambda: self.kernel.destroy_interface(self._made))[:2], (case.ret, case.errno))

    def alias_of_jail(self, case: Case) -> Iterator[str]:
        """An address may be taken from under a jail, which keeps it in its list."""
        self.kernel.add_address("lo0", "127.0.0.7", 32)
        self.kernel.state.last_jid = case.ret - 1
        jid = self._create("al", **{"ip4.addr": "hex:7f000007"})
        self.kernel.remove_address("lo0", "127.0.0.7")
        addresses = self.kernel.jail_get([("jid", jid)], ["ip4.addr"])["ip4.addr"]
        yield from same([jid, addresses], [case.ret, ("127.0.0.7",)])

    def _create(self, name: str, **values: Any) -> int:
        given = {"name": name, "persist": "NULL/0", **values}
        return self.kernel.jail_set(parameters(given), JAIL_CREATE)

    def _named(self, case: Case) -> None:
        """The second pair was renamed: one of its ends is in jail 1, the other on the host."""
        if case.case == "move dup0 in":
            first = self.kernel.create_interface("epair")
            for end in self.kernel.state.interfaces:
                if end.name in (first, "epair1b"):
                    end.name = "dup0"

    _table: Any = (
        (r"ifconfig epair create prints", create),
        (r"before move", before),
        (r"interfaces in a fresh", fresh),
        (r"SIOCSIFVNET from inside", from_inside),
        (r"(SIOCSIFVNET|move |B in)", move),
        (r"SIOCSIFRVNET", reclaim),
        (r"host sees it", hidden),
        (r"(in the jail after|on the host after)", bare),
        (r"rename inside", rename),
        (r"  host has", host_has),
        (r"  l$", both),
        (r"vnet jail removed \(no", removed),
        (r"vnet jail removed with", with_zombie),
        (r"a host process holds", with_socket),
        (r"ifconfig A destroy", destroyed),
        (r"clone interfaces", cloned),
        (r"SIOC[AD]IFADDR", alias),
        (r"SIOCIFCREATE2", clone),
        (r"SIOCIFDESTROY", destroy),
        (r"alias removed", alias_of_jail),
        (r"cmd", command),
    )
