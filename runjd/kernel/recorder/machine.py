"""Modules, sysctl values and terminals of a kernel in memory."""

from __future__ import annotations

import os

from runjd.kernel.freebsd.terminal import TIOCSCTTY
from runjd.kernel.recorder import filesystems
from runjd.kernel.recorder.files import hold
from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.rulesets import show_by_rules
from runjd.kernel.recorder.state import Node, OpenFile, Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import State


class Machine:
    """What the kernel is made of."""

    def __init__(self, state: State) -> None:
        self._state = state

    def kldload(self, name: str) -> None:
        if self._state.me.jid or not self._state.is_root():
            raise refusal("EPERM", what=name)
        if name in self._state.file_systems | self._state.modules:
            raise refusal("EEXIST", what=name)
        if name in self._state.loadable:
            self._state.file_systems.add(name)
        elif name in self._state.loadable_modules:
            self._state.modules.add(name)
        else:
            raise refusal("ENOENT", what=name)

    def has_module(self, name: str) -> bool:
        return name in self._state.file_systems | self._state.modules

    def has_kld(self, name: str) -> bool:
        return name.removesuffix(".ko") in self._state.file_systems | self._state.modules

    def sysctl_text(self, name: str) -> str:
        if name == "kern.hostname":
            return self._host_value("host.hostname", "")
        if name == "kern.osrelease":
            return self._host_value("osrelease", self._state.release)
        if name not in self._state.texts:
            raise refusal("ENOENT", what=name)
        return self._state.texts[name]

    def sysctl_number(self, name: str) -> int:
        mine = self._state.mine()
        if name == "security.jail.jailed":
            return int(mine is not self._state.host)
        if name == "security.jail.vnet":
            return int(mine.has_vnet)
        if name not in self._state.numbers:
            raise refusal("ENOENT", what=name)
        return self._state.numbers[name]

    def open_terminal(self) -> tuple[int, str]:
        me = self._state.me
        name = f"pts/{self._state.terminals}"
        self._state.terminals += 1
        node = Node(0o020000, 0o620, made_in=me.jid)
        for mount in self._state.mounts:
            if mount.type == "devfs":
                filesystems.add_device(mount.root, name, made_in=me.jid)
                show_by_rules(self._state, mount, name)
        place = Place(("dev", "pts", name), node, self._state.root.mount)
        return hold(me, OpenFile(place, os.O_RDWR, me.jid)), f"/dev/{name}"

    def set_controlling_terminal(self, descriptor: int) -> None:
        me = self._state.me
        file = me.descriptors.get(descriptor)
        if file is None:
            raise refusal("EBADF")
        if file.place is None or file.place.node.kind != 0o020000:
            raise refusal("ENOTTY", what=f"ioctl {TIOCSCTTY:#x}")
        if me.session != me.pid or (me.terminal is not None and me.terminal is not file):
            raise refusal("EPERM")
        me.terminal = file

    def set_window_size(self, descriptor: int, columns: int, rows: int) -> None:
        file = self._state.me.descriptors.get(descriptor)
        if file is None:
            raise refusal("EBADF")
        if file.place is None or file.place.node.kind != 0o020000:
            raise refusal("ENOTTY")

    def _host_value(self, name: str, default: str) -> str:
        mine = self._state.mine()
        values = self._state.host.values if mine.values.get("host") == 2 and name != "osrelease" else mine.values
        return str(values.get(name, default))
