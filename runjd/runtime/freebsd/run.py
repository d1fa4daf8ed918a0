"""
Carry out the steps of a FreeBSD jail, on the host.

Everything goes through the kernel object, so a test can record it and let any call
fail; each thing that outlasts us is told before it is made, so that it can be undone
wherever we are stopped.  An error names the step and the property that asked for it.
"""

from __future__ import annotations

import errno
import os
import stat

from runjd.errors import RuntimeFailure
from runjd.kernel.freebsd.devfs import Rule
from runjd.kernel.freebsd.interfaces import IN6_IFF_DUPLICATED, IN6_IFF_TENTATIVE
from runjd.kernel.freebsd.jail import JAIL_CREATE, JAIL_UPDATE
from runjd.kernel.freebsd.mount import MNT_UPDATE
from runjd.runtime.contract import Undo
from runjd.runtime.copyup import CopyUp
from runjd.runtime.failing import failure
from runjd.runtime.freebsd import steps as s
from runjd.runtime.freebsd.beneath import Beneath
from runjd.runtime.freebsd.copying import Copier
from runjd.runtime.freebsd.explaining import explained
from runjd.runtime.freebsd.limits import RACCT_ADVICE
from runjd.runtime.freebsd.mounting import Mounter, undo_mounts_of_jail

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.freebsd.patience import Patience

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
#: seconds that the kernel has to ask the network about an address
_PATIENCE = 3.0
_MAY_MOUNT = "allow.mount."


class Runner:
    """
    Carries out steps, before the fork.

    :param id: of the container.
    :param root: of the jail, absolute; links on the way to it are the host's.
    :param made: told of each thing that must be undone later.
    :ivar jid: of the jail, once it is made.
    """

    def __init__(
        self, kernel: FreeBSDKernel, patience: Patience, id: str, root: str, made: Callable[[Undo], None]
    ) -> None:
        self._kernel = kernel
        self._patience = patience
        self._root = root
        self._made = made
        self._view = root
        self._mounter = Mounter(kernel, made)
        self._copier = Copier(kernel, root, id, made)
        self.jid = 0

    def run(self, steps: Iterable[object]) -> None:
        """
        Carry out all steps, in order.

        :raise RunjdError: naming the step that failed; those before it stay.
        """
        for step in steps:
            path = str(getattr(step, "path", ""))
            try:
                _CARRY_OUT[type(step)](self, step)
            except OSError as error:
                raise failure(str(step), error, path) from error
            except RuntimeFailure as error:
                raise RuntimeFailure(str(step), error.reason, error.path or path, error.errno) from error

    def check_root(self, step: s.CheckRoot) -> None:
        """Open the root, and take its real path: the kernel tells no other of mounts and jails."""
        self._kernel.close(self._kernel.open(step.root, _DIRECTORY))
        self._view = self._root = self._kernel.realpath(step.root)

    def load_file_system(self, step: s.LoadFileSystem) -> None:
        """Load a module; where it is built in there is nothing to load."""
        if self._kernel.has_module(step.name):
            return
        try:
            self._kernel.kldload(step.name)
        except FileExistsError:
            pass
        except FileNotFoundError:
            raise OSError(errno.ENOENT, f"this kernel has no file system {step.name}") from None

    def check_racct(self, step: s.CheckRacct) -> None:
        """Say what to do where limits have no effect."""
        try:
            enabled = self._kernel.sysctl_number("kern.racct.enable")
        except FileNotFoundError:
            enabled = 0
        if not enabled:
            raise OSError(errno.ENOSYS, f"this kernel does not account for resources; {RACCT_ADVICE}")

    def add_rule(self, step: s.AddRule) -> None:
        """Add a rule; what is there for the jail's name from before would bind it, too, and is the operator's."""
        self._made(Undo("rctl", step.rule))
        self._kernel.rctl_add_rule(step.rule)

    def mount_read_only_root(self, step: s.ReadOnlyRoot) -> None:
        """Mount the root on its alias."""
        self._kernel.mkdir(step.alias, 0o755)
        alias = self._kernel.realpath(step.alias)
        self._mounter.mount_directory(self._root, alias, (("ro", ""),))
        self._view = alias

    def mount_file_system(self, step: s.MountFileSystem) -> None:
        """Mount a new file system."""
        beneath = self._beneath()
        place = beneath.mount_point(step.destination, True)
        _need_directory(place.is_directory, place.path)
        if not step.options.copies_up:
            self._mounter.mount(step.kind, step.kind, place.path, step.options.pairs)
            return
        below = beneath.open_directory(step.destination)
        try:
            self._mounter.mount(step.kind, step.kind, place.path, _writable(step.options.pairs))
            mounted = self._open_on(beneath, step.destination, step.kind)
            try:
                CopyUp(self._kernel).copy(below, mounted, [name for name, _ in step.options.pairs])
            finally:
                self._kernel.close(mounted)
        finally:
            self._kernel.close(below)
        if ("ro", "") in step.options.pairs:
            self._kernel.nmount((("fstype", step.kind), ("fspath", place.path), ("ro", True)), MNT_UPDATE)

    def bind_mount(self, step: s.BindMount) -> None:
        """Show a directory of the host, or a file."""
        try:
            found = self._kernel.stat(step.source)
        except FileNotFoundError:
            raise OSError(errno.ENOENT, f"there is no {step.source} on the host") from None
        is_directory = stat.S_ISDIR(found.st_mode)
        place = self._beneath().mount_point(step.destination, is_directory)
        if is_directory:
            _need_directory(place.is_directory, place.path)
            self._mounter.mount_directory(step.source, place.path, step.options.pairs)
        elif place.is_directory:
            raise OSError(errno.EISDIR, "a file cannot be shown in place of a directory", place.path)
        elif step.mounts_files:
            self._mounter.mount_directory(step.source, place.path, step.options.pairs)
        else:
            self._copier.copy(step.source, place.below, place.is_new, ("ro", "") in step.options.pairs)

    def check_ruleset(self, step: s.CheckRuleset) -> None:
        """See that a ruleset is loaded, by asking the host's /dev."""
        directory = self._kernel.open("/dev", _DIRECTORY)
        try:
            loaded = self._kernel.rulesets(directory)
        finally:
            self._kernel.close(directory)
        if step.number not in loaded:
            known = ", ".join(map(str, loaded)) or "none"
            raise OSError(
                errno.ENOENT,
                f"devfs ruleset {step.number} is not loaded (there are: {known}), and every device of the host would "
                "be seen; run service devfs restart, or set devfs_load_rulesets=YES in /etc/rc.conf",
            )

    def apply_device_rule(self, step: s.ApplyDeviceRule) -> None:
        """Apply one rule to the jail's devfs."""
        hide = None if step.visible is None else not step.visible
        directory = self._open_on(self._beneath(), step.destination, "devfs")
        try:
            self._kernel.apply_rule(directory, Rule(step.pattern, hide, step.mode, step.user, step.group))
        finally:
            self._kernel.close(directory)

    def add_alias(self, step: s.AddAlias) -> None:
        """Add an address, unless the host has it: then it is not ours to take away."""
        if step.interface not in self._kernel.interface_names():
            raise OSError(errno.ENXIO, f"there is no interface {step.interface}")
        if self._kernel.has_address(step.address):
            return
        self._made(Undo("alias", f"{step.interface} {step.address} {step.jail}"))
        self._kernel.add_address(step.interface, step.address, 128 if ":" in step.address else 32)

    def await_address(self, step: s.AwaitAddress) -> None:
        """
        Let the kernel find out whether another machine has the address; where the link is down it will do so later.

        Until it knows, a server that binds to the address fails.
        """
        flags = 0
        for _ in self._patience.attempts(_PATIENCE):
            try:
                flags = self._kernel.address_flags(step.interface, step.address)
            except OSError as error:
                # the host has it on another interface
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
            if not flags & IN6_IFF_TENTATIVE:
                break
        if flags & IN6_IFF_DUPLICATED:
            raise OSError(errno.EADDRINUSE, f"another machine of the network has {step.address}")

    def prepare_parent(self, step: s.PrepareParent) -> None:
        """See that the parent is there, and let it have one more child where it is full."""
        try:
            found = self._kernel.jail_get((("name", step.parent),), ("children.cur", "children.max"))
        except FileNotFoundError as error:
            raise OSError(errno.ENOENT, error.strerror or f"there is no jail {step.parent}") from None
        current, most = int(str(found["children.cur"])), int(str(found["children.max"]))
        if current >= most:
            self._made(Undo("raising", f"{most} {current + 1} {step.parent}"))
            try:
                self._kernel.jail_set((("name", step.parent), ("children.max", current + 1)), JAIL_UPDATE)
            except PermissionError:
                # no more than its own parent has; the host may make the child nevertheless
                return
            self._made(Undo("children", f"{current + 1 - most} {step.parent}"))

    def make_jail(self, step: s.MakeJail) -> None:
        """Make the jail, unless there is one of that name: it is a stranger's."""
        name = str(step.parameters[0].value)
        try:
            self._kernel.jail_get((("name", name),))
        except FileNotFoundError:
            pass
        else:
            raise OSError(errno.EEXIST, f'a jail named "{name}" exists already; jls(8) shows it')
        kinds = [each.name[len(_MAY_MOUNT) :] for each in step.parameters if each.name.startswith(_MAY_MOUNT)]
        if kinds:
            # what it mounts stays when it is gone
            self._made(undo_mounts_of_jail(self._view, kinds, self._kernel.getfsstat()))
        self._made(Undo("jail", f"{name} {self._view}"))
        given = [(each.name, self._view if each.name == "path" else each.value) for each in step.parameters]
        try:
            self.jid = self._kernel.jail_set(given, JAIL_CREATE)
        except OSError as error:
            raise explained(self._kernel, error, step) from error

    def move_interface(self, step: s.MoveInterface) -> None:
        """Move an interface into the jail."""
        if step.interface not in self._kernel.interface_names():
            raise OSError(
                errno.ENXIO,
                f"there is no interface {step.interface} on the host; another jail may have it (ifconfig -l)",
            )
        self._made(Undo("interface", f"{step.interface} {self.jid}"))
        self._kernel.move_into_jail(step.interface, self.jid)

    def pin_cpus(self, step: s.PinCpus) -> None:
        """Say which processors the jail may use."""
        self._kernel.set_jail_affinity(self.jid, step.cpus)

    def _open_on(self, beneath: Beneath, destination: str, kind: str) -> int:
        """Return a descriptor of a directory of the jail, which is on a file system of that kind and nothing else."""
        directory = beneath.open_directory(destination)
        try:
            if self._kernel.fstatfs(directory).type != kind:
                raise OSError(errno.ENODEV, f"there is no {kind} on {destination}")
        except BaseException:
            self._kernel.close(directory)
            raise
        return directory

    def _beneath(self) -> Beneath:
        return Beneath(self._kernel, self._root, self._view, self._made)


def _writable(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(each for each in pairs if each[0] != "ro")


def _need_directory(is_directory: bool, path: str) -> None:
    if not is_directory:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)


_CARRY_OUT: dict[type, Callable[[Runner, Any], None]] = {
    s.CheckRoot: Runner.check_root,
    s.LoadFileSystem: Runner.load_file_system,
    s.CheckRacct: Runner.check_racct,
    s.AddRule: Runner.add_rule,
    s.ReadOnlyRoot: Runner.mount_read_only_root,
    s.MountFileSystem: Runner.mount_file_system,
    s.BindMount: Runner.bind_mount,
    s.CheckRuleset: Runner.check_ruleset,
    s.ApplyDeviceRule: Runner.apply_device_rule,
    s.AddAlias: Runner.add_alias,
    s.AwaitAddress: Runner.await_address,
    s.PrepareParent: Runner.prepare_parent,
    s.MakeJail: Runner.make_jail,
    s.MoveInterface: Runner.move_interface,
    s.PinCpus: Runner.pin_cpus,
}
