"""A FreeBSD machine in memory with one bundle on it, and the life of one jail."""

from __future__ import annotations

from runjd.kernel.recorder.kernel import FreeBSDRecorder
from runjd.runtime.contract import Held, Plan, Undo
from runjd.runtime.freebsd.runtime import FreeBSDRuntime
from runjd.spec.model import Config, FreeBSDJail

BUNDLE = "/srv/web"
ROOT = f"{BUNDLE}/root"
DIRECTORY = "/var/run/runj/web"


class Machine:
    """
    The machine.

    :ivar kernel: the kernel in memory.
    :ivar undo: what was told to be undone.
    :ivar hooked: the descriptors that hooks were called with.
    """

    def __init__(self, kernel: FreeBSDRecorder | None = None, extension: FreeBSDJail | None = None) -> None:
        self.kernel = kernel or FreeBSDRecorder()
        self.kernel.make_tree(ROOT, f"{ROOT}/dev", f"{ROOT}/etc", f"{ROOT}/tmp", "/dev", DIRECTORY, "/srv/data")
        self.kernel.nmount((("fstype", "devfs"), ("fspath", "/dev"), ("from", "devfs")))
        self.undo: list[Undo] = []
        self.hooked: list[int] = []
        self.runtime = FreeBSDRuntime(
            lambda bundle: extension, self.kernel, 0, lambda: self.kernel.fork("init"), self._sleep, self._now
        )
        self.kernel.journal.calls.clear()

    def prepare(self, config: Config) -> Plan:
        """Carry out the host steps of a bundle."""
        plan = self.runtime.plan(config, BUNDLE, "web", DIRECTORY)
        self.runtime.prepare(plan, self.undo.append)
        return plan

    def start(self, config: Config) -> Held:
        """Make a jail and let its init process enter it."""
        plan = self.prepare(config)
        pid = self.runtime.fork(plan)
        with self.kernel.acting_as(pid):
            self.runtime.enter(plan, self.undo.append, self.hooked.append)
        return self.held(pid)

    def held(self, pid: int = 0) -> Held:
        """Return what the record of the jail holds."""
        seen = self.kernel.process(pid) if pid else None
        return Held("web", pid, seen.start_time if seen else 0, "boot", ROOT, tuple(self.undo), self.runtime.jid())

    def snapshot(self) -> tuple[object, ...]:
        """Return all that a jail could leave: mounts, jails, rules, interfaces, files of the root."""
        state = self.kernel.state
        rules = self.kernel.rctl_get_rules("::")
        self.kernel.journal.calls.clear()
        return (
            [(each.type, each.source, each.target) for each in state.mounts],
            [(each.name, each.is_dying, each.values.get("children.max") or 0) for each in state.prisons],
            rules,
            sorted((each.name, each.network, tuple(each.addresses)) for each in state.interfaces),
            self._tree(ROOT),
        )

    def reaps(self, pid: int) -> None:
        """Let the parent of a process reap it, as soon as somebody waits."""
        self._reaped = pid

    def _sleep(self, seconds: float) -> None:
        self.kernel.wait(max(seconds, 0.001))
        pid, self._reaped = getattr(self, "_reaped", 0), 0
        seen = self.kernel.state.processes.get(pid)
        if seen is not None and seen.status is not None:
            self.kernel.reap(pid)

    def _now(self) -> float:
        return self.kernel.state.uptime / 1e6

    def _tree(self, path: str) -> object:
        node = self.kernel.state.root.node
        for part in path.strip("/").split("/"):
            node = node.children[part]

        def seen(node: object) -> object:
            children = {name: seen(each) for name, each in node.children.items()}  # type: ignore[attr-defined]
            return (bytes(node.content), children)  # type: ignore[attr-defined]

        return seen(node)
