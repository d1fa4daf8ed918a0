"""Network interfaces of a kernel in memory, and the networks of jails."""

from __future__ import annotations

import _socket

from runjd.kernel.freebsd.interfaces import (
    IN6_IFF_DUPLICATED,
    IN6_IFF_TENTATIVE,
    ifreq,
    in6_aliasreq,
    in6_ifreq,
    in_aliasreq,
    sockaddr_in,
    sockaddr_in6,
)
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import HOST, Interface, Prison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.prisons import Prisons
    from runjd.kernel.recorder.state import State

#: how long the network is asked whether another machine has an address of version 6, in microseconds
_ASKING = 1_500_000
_CLONED = ("epair", "lo", "bridge", "tap", "tun", "vlan")


class Interfaces:
    """The ioctls of interfaces."""

    def __init__(self, state: State, prisons: Prisons) -> None:
        self._state = state
        self._prisons = prisons

    def move_into_jail(self, name: str, jid: int) -> None:
        ifreq(name)
        interface = self._find(name, self._network())
        prison = self._prison(jid, name)
        target = jid if prison.has_vnet else self._network()
        if self._in(name, target):
            raise refusal("EEXIST", what=name)
        self._move(interface, target)

    def reclaim_from_jail(self, name: str, jid: int) -> None:
        ifreq(name)
        prison = self._prison(jid, name)
        if not prison.has_vnet:
            raise refusal("ENXIO", what=name)
        # That the host has one of that name is no obstacle.
        self._move(self._find(name, jid), self._network())

    def create_interface(self, kind: str) -> str:
        ifreq(kind)
        family = kind.rstrip("0123456789")
        if family not in _CLONED:
            raise refusal("EINVAL", what=kind)
        taken = {each.unit for each in self._state.interfaces if each.kind == family}
        asked = kind[len(family) :]
        unit = int(asked) if asked else next(number for number in range(1 << 16) if number not in taken)
        if unit in taken:
            raise refusal("EEXIST", what=kind)
        network = self._network()
        if family != "epair":
            self._state.interfaces.append(Interface(f"{family}{unit}", family, unit, network))
            return f"{family}{unit}"
        ends = [Interface(f"epair{unit}{end}", family, unit, network) for end in "ab"]
        ends[0].peer, ends[1].peer = ends[1], ends[0]
        self._state.interfaces += ends
        return ends[0].name

    def destroy_interface(self, name: str) -> None:
        interface = self._find(name, self._network())
        if interface.kind not in _CLONED or (interface.kind == "lo" and interface.unit == 0):
            raise refusal("EINVAL", what=name)
        self._state.interfaces.remove(interface)
        if interface.peer in self._state.interfaces:
            self._state.interfaces.remove(interface.peer)

    def interface_names(self) -> list[str]:
        return [each.name for each in self._state.interfaces if each.network == self._network()]

    def bring_up(self, name: str) -> None:
        self._find(name, self._network()).is_up = True

    def add_address(self, name: str, address: str, prefix: int) -> None:
        (in6_aliasreq if ":" in address else in_aliasreq)(name, address, prefix)
        interface = self._find(name, self._network())
        if ":" in address and interface.kind != "lo" and _normal(address) not in interface.addresses:
            interface.ready[_normal(address)] = self._state.uptime + _ASKING
        interface.addresses[_normal(address)] = prefix

    def remove_address(self, name: str, address: str) -> None:
        (sockaddr_in6 if ":" in address else sockaddr_in)(address)
        if self._find(name, self._network()).addresses.pop(_normal(address), None) is None:
            raise refusal("EADDRNOTAVAIL", what=name)

    def has_address(self, address: str) -> bool:
        network = self._network()
        return any(
            _normal(address) in each.addresses and not self._flags(each, address)
            for each in self._state.interfaces
            if each.network == network
        )

    def address_flags(self, name: str, address: str) -> int:
        in6_ifreq(name, address)
        interface = self._find(name, self._network())
        if _normal(address) not in interface.addresses:
            raise refusal("EADDRNOTAVAIL", what=name)
        return self._flags(interface, address)

    def _flags(self, interface: Interface, address: str) -> int:
        if interface.ready.get(_normal(address), 0) > self._state.uptime:
            return IN6_IFF_TENTATIVE
        is_duplicate = interface.kind != "lo" and _normal(address) in self._state.addresses_elsewhere
        return IN6_IFF_DUPLICATED if is_duplicate else 0

    def _network(self) -> int:
        """Return the jid of the jail whose network is ours."""
        prison: Prison | None = self._state.mine()
        while prison is not None and prison is not self._state.host:
            if prison.has_vnet:
                return prison.jid
            prison = prison.parent
        return HOST

    def _prison(self, jid: int, name: str) -> Prison:
        prison = self._prisons.by_jid(jid)
        if prison is None:
            raise refusal("ENXIO", what=name)
        return prison

    def _in(self, name: str, network: int) -> list[Interface]:
        return [each for each in self._state.interfaces if (each.name, each.network) == (name, network)]

    def _find(self, name: str, network: int) -> Interface:
        found = self._in(name, network)
        if not found:
            raise refusal("ENXIO", what=name)
        return found[0]

    def _move(self, interface: Interface, network: int) -> None:
        # It comes last in the network it goes to.
        self._state.interfaces.remove(interface)
        self._state.interfaces.append(interface)
        interface.network = network
        interface.is_up = False
        interface.addresses.clear()


def _normal(address: str) -> str:
    family = _socket.AF_INET6 if ":" in address else _socket.AF_INET
    return _socket.inet_ntop(family, _socket.inet_pton(family, address))
