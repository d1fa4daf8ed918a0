"""
Carry out the steps of a plan.

Everything goes through the kernel object, so a test can record it; each thing
that outlasts the jail is told as it is made, so that it can be undone wherever
we are stopped.  An error names the step and the property that asked for it.
"""

from __future__ import annotations

import errno
import os

from runjd.errors import RuntimeFailure, Unsupported
from runjd.kernel import mount as m
from runjd.kernel.namespaces import CLONE_NEWCGROUP, CLONE_NEWNS, CLONE_NEWTIME
from runjd.runtime.failing import failure
from runjd.runtime.linux import mounting
from runjd.runtime.linux import steps as s
from runjd.runtime.linux.beneath import Beneath
from runjd.runtime.linux.devices import Devices

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from runjd.kernel.linux import LinuxKernel
    from runjd.runtime.contract import Undo
    from runjd.runtime.linux.scope.making import Scopes

_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC
#: names in /proc/PID/ns, where they are not the type's
_FILES = {"network": "net"}


def load(steps: Iterable[object]) -> None:
    """Load what only some of the steps take, for a child that cannot import."""
    for step in steps:
        kind = type(step)
        if kind in _TAKES and (kind is not s.MountFileSystem or step.copies_up):  # type: ignore[attr-defined]
            __import__(f"runjd.runtime.{_TAKES[kind]}")


def _no_hooks(root: int) -> None:
    """Run none, as on the host's side of the fork."""


class Runner:
    """
    Carries out steps, in the process that becomes the jail's.

    :param made: told of each thing that must be undone later.
    :param hooks: runs hooks; takes the descriptor of the root.
    :param has_cgroup_namespace: ours is not the host's.
    :param scopes: has systemd make control groups, where it is to.
    :ivar groups: the control groups of the jail, which its host steps make and its jail steps join.
    """

    def __init__(
        self,
        kernel: LinuxKernel,
        made: Callable[[Undo], None],
        has_cgroup_namespace: bool = False,
        groups: tuple[str, ...] = (),
        hooks: Callable[[int], None] = _no_hooks,
        scopes: Scopes | None = None,
    ) -> None:
        self.groups = groups
        self._kernel = kernel
        self._made = made
        self._hooks = hooks
        self._scopes = scopes
        self._has_cgroup_namespace = has_cgroup_namespace
        self._root = -1
        self._namespace = -1
        self._trees: dict[tuple[str, bool], int] = {}

    def run(self, steps: Iterable[object]) -> None:
        """
        Carry out all steps, in order.

        :raise RunjdError: naming the step that failed; those before it stay.
        """
        for step in steps:
            try:
                _CARRY_OUT[type(step)](self, step)
            except OSError as error:
                raise failure(str(step), error, str(getattr(step, "path", ""))) from error
            except RuntimeFailure as error:
                if error.path:
                    raise
                # What a step finds on its way does not know whose way it is.
                where = str(getattr(step, "path", ""))
                raise RuntimeFailure(str(step), error.reason, where, error.errno) from error

    def check_root(self, step: s.CheckRoot) -> None:
        """Open the root, on the host."""
        self._kernel.close(self._kernel.open(step.root, _DIRECTORY))

    def make_groups(self, step: s.MakeGroups) -> None:
        """Make the control groups, on the host."""
        from runjd.runtime.linux.cgroup.files import read_host
        from runjd.runtime.linux.cgroup.making import make_bare_groups, make_groups

        host = read_host(self._kernel)
        if step.asked:
            self.groups = make_groups(self._kernel, host, step.where, step.id, step.resources, self._made)
        elif host.hierarchies:
            # nobody knows the name, so that no other jail can have it
            name = f"{step.id}.{os.getpid()}"
            self.groups = tuple(make_bare_groups(self._kernel, host, name, step.id, self._made).values())

    def make_scope(self, step: s.MakeScope) -> None:
        """Have systemd make the control groups, on the host."""
        assert self._scopes is not None
        self.groups = self._scopes.make(self._kernel, step.scope, step.id, step.resources, self._made)

    def join_groups(self, step: s.JoinGroups) -> None:
        """Enter the control groups; a namespace made after that shows them as the root."""
        from runjd.runtime.linux.cgroup.joining import join_groups

        join_groups(self._kernel, self.groups)
        if step.has_namespace:
            self._kernel.unshare(CLONE_NEWCGROUP)

    def join_namespace(self, step: s.JoinNamespace) -> None:
        """Enter a namespace by its file; 0: whichever kind it is of, as the plan has checked the kind."""
        descriptor = self._kernel.open(step.file, _READ)
        try:
            if step.apart and self._is_ours(descriptor, step.kind):
                raise Unsupported(step.apart, f"would change the host, whose {step.kind} namespace {step.file} is")
            self._kernel.set_namespace(descriptor, step.flag)
        except OSError as error:
            if error.errno == errno.EINVAL:
                raise OSError(errno.EINVAL, f"this is no {step.kind} namespace", step.file) from None
            raise
        finally:
            self._kernel.close(descriptor)

    def _is_ours(self, namespace: int, kind: str) -> bool:
        own = self._kernel.stat(f"/proc/self/ns/{_FILES.get(kind, kind)}")
        return os.path.samestat(self._kernel.fstat(namespace), own)

    def hold_source(self, step: s.HoldSource) -> None:
        """Copy a source while it still is a peer of the host's mount."""
        self._trees[step.source, step.recursive] = self._kernel.copy_tree(step.source, step.recursive)

    def set_propagation(self, step: s.SetPropagation) -> None:
        """Change the propagation of a mount by its path."""
        self._kernel.mount(None, step.target, None, step.flags)

    def part_from_host(self, step: s.PartFromHost) -> None:
        """
        Make all mounts of the namespace slaves of the host's.

        Where we live in a chroot(2), ``/`` is not all of them.  Entering the namespace
        that we are in makes its root ours (setns(2)), for a moment, as names mean what
        they mean in the chroot.
        """
        self._namespace = self._kernel.open("/proc/self/ns/mnt", _READ)
        ours = self._kernel.open("/", _DIRECTORY)
        try:
            self._kernel.set_namespace(self._namespace, CLONE_NEWNS)
            self._kernel.mount(None, "/", None, m.MS_SLAVE | m.MS_REC)
            self._kernel.chdir(ours)
            self._kernel.chroot(".")
        finally:
            self._kernel.close(ours)

    def bind_root(self, step: s.BindRoot) -> None:
        """Make the root a mount, and keep its descriptor for all that follows."""
        below = self._kernel.open(step.root, _DIRECTORY)
        tree = self._kernel.copy_tree_at(below, True)
        if not step.keeps_peers:
            self._kernel.set_attributes(tree, 0, 0, m.MS_PRIVATE, True)
        self._kernel.attach(tree, below)
        self._kernel.close(below)
        self._root = tree
        self._beneath = Beneath(self._kernel, tree, self._made)
        self._devices = Devices(self._kernel, self._beneath)

    def mount_file_system(self, step: s.MountFileSystem) -> None:
        """Mount a new file system."""
        mounting.mount_file_system(self._kernel, self._beneath, step)

    def bind_mount(self, step: s.BindMount) -> None:
        """Bind a file or a directory of the host."""
        mounting.bind(self._kernel, self._beneath, step, self._trees.pop((step.source, step.recursive), -1))

    def remount(self, step: s.Remount) -> None:
        """Change a mount."""
        mounting.remount(self._kernel, self._beneath, step)

    def mount_cgroups(self, step: s.MountCgroups) -> None:
        """Mount the control groups."""
        from runjd.runtime.linux.cgroup import view

        view.mount_cgroups(self._kernel, self._beneath, step, self._has_cgroup_namespace)

    def make_device(self, step: s.MakeDevice) -> None:
        """Make a device node."""
        self._devices.make_node(step)

    def make_link(self, step: s.MakeLink) -> None:
        """Make a symbolic link."""
        self._devices.make_link(step)

    def make_directory(self, step: s.MakeDirectory) -> None:
        """Make a directory beneath the root, if that can be."""
        try:
            self._kernel.close(self._beneath.directory(step.destination))
        except (OSError, RuntimeFailure):
            # read-only, or no directory: chdir will say so
            pass

    def run_hooks(self, step: s.RunHooks) -> None:
        """Let whoever creates the container, and then ourselves, run hooks."""
        self._hooks(self._root)

    def mask(self, step: s.Mask) -> None:
        """Hide a path."""
        mounting.mask(self._kernel, self._beneath, step)

    def make_read_only(self, step: s.MakeReadOnly) -> None:
        """Make a path read-only; the root itself is a mount of its own already."""
        if step.destination == "/":
            self._kernel.set_attributes(self._root, m.MOUNT_ATTR_RDONLY, 0)
        else:
            mounting.make_read_only(self._kernel, self._beneath, step)

    def set_sysctl(self, step: s.SetSysctl) -> None:
        """Write below the host's /proc/sys, which shows the namespaces of who looks."""
        descriptor = self._kernel.open(f"/proc/sys/{step.file}", _WRITE)
        try:
            self._kernel.write(descriptor, step.value.encode("utf-8"))
        finally:
            self._kernel.close(descriptor)

    def check_module(self, step: s.CheckModule) -> None:
        """See that a security module is at work; its own module is loaded by the plan, as for the other two."""
        from runjd.runtime.linux import labels

        labels.check_module(self._kernel, step)

    def label(self, step: s.Label) -> None:
        """Ask for a label, as long as /proc is the host's."""
        from runjd.runtime.linux import labels

        labels.write_label(self._kernel, step)

    def label_mount(self, step: s.LabelMount) -> None:
        """Label a directory that something was mounted on."""
        found = self._beneath.find(step.destination)
        try:
            self._kernel.set_extended_attribute(f"/proc/self/fd/{found}", "security.selinux", step.label.encode())
        finally:
            self._kernel.close(found)

    def set_clocks(self, step: s.SetClocks) -> None:
        """Make a time namespace, set its clocks as long as nobody is in it, and enter it."""
        self._kernel.unshare(CLONE_NEWTIME)
        offsets = self._kernel.open("/proc/self/timens_offsets", _WRITE)
        try:
            for each in step.offsets:
                self._kernel.write(offsets, f"{each.clock} {each.secs} {each.nanosecs}\n".encode("ascii"))
        finally:
            self._kernel.close(offsets)
        made = self._kernel.open("/proc/self/ns/time_for_children", _READ)
        try:
            self._kernel.set_namespace(made, CLONE_NEWTIME)
        finally:
            self._kernel.close(made)

    def set_hostname(self, step: s.SetHostname) -> None:
        """Set the host name of our UTS namespace."""
        self._kernel.set_hostname(step.hostname)

    def set_domainname(self, step: s.SetDomainname) -> None:
        """Set the NIS domain name of our UTS namespace."""
        self._kernel.set_domainname(step.domainname)

    def bring_up(self, step: s.BringUp) -> None:
        """Bring an interface of our network namespace up."""
        self._kernel.bring_up(step.interface)

    def set_oom_score(self, step: s.SetOomScore) -> None:
        """Write our score, as long as /proc is the host's."""
        descriptor = self._kernel.open("/proc/self/oom_score_adj", _WRITE)
        try:
            self._kernel.write(descriptor, b"%d" % step.score)
        finally:
            self._kernel.close(descriptor)

    def pivot_root(self, step: s.PivotRoot) -> None:
        """
        Make the root ``/``, and detach the host's mounts.

        pivot_root(2), "pivot_root(".", ".")": the old root lies upon the new one
        then, and ``.`` leads to it.  It is the namespace's own root that is exchanged,
        as whoever enters the jail by setns(2) lands there.
        """
        self._stand_in_root()
        self._kernel.pivot_root(".", ".")
        self._kernel.unmount(".", m.MNT_DETACH)
        self._leave_outside()

    def move_root(self, step: s.MoveRoot) -> None:
        """
        Make the root ``/`` where pivot_root(2) is refused, as the host's root is the initial one (initramfs).

        Whoever enters the jail by setns(2) lands on what is mounted uppermost on the namespace's own root.
        """
        from runjd.runtime.linux.leaving import detach_revealing

        self._stand_in_root()
        detach_revealing(self._kernel, self._root)
        self._kernel.mount(".", "/", None, m.MS_MOVE)
        self._kernel.chroot(".")
        self._leave_outside()

    def note(self, step: s.Note) -> None:
        """Do nothing."""

    def _stand_in_root(self) -> None:
        self._devices.close()
        self._kernel.set_namespace(self._namespace, CLONE_NEWNS)
        self._kernel.close(self._namespace)
        self._namespace = -1
        self._kernel.chdir(self._root)

    def _leave_outside(self) -> None:
        self._kernel.chdir("/")
        self._kernel.close(self._root)
        self._root = -1


_TAKES: dict[type, str] = {
    s.JoinGroups: "linux.cgroup.joining",
    s.MountCgroups: "linux.cgroup.view",
    s.MountFileSystem: "copyup",
    s.MoveRoot: "linux.leaving",
}
_CARRY_OUT: dict[type, Callable[[Runner, Any], None]] = {
    s.Note: Runner.note,
    s.CheckRoot: Runner.check_root,
    s.MakeGroups: Runner.make_groups,
    s.MakeScope: Runner.make_scope,
    s.JoinGroups: Runner.join_groups,
    s.JoinNamespace: Runner.join_namespace,
    s.HoldSource: Runner.hold_source,
    s.SetPropagation: Runner.set_propagation,
    s.PartFromHost: Runner.part_from_host,
    s.BindRoot: Runner.bind_root,
    s.MountFileSystem: Runner.mount_file_system,
    s.BindMount: Runner.bind_mount,
    s.Remount: Runner.remount,
    s.MountCgroups: Runner.mount_cgroups,
    s.MakeDevice: Runner.make_device,
    s.MakeLink: Runner.make_link,
    s.MakeDirectory: Runner.make_directory,
    s.RunHooks: Runner.run_hooks,
    s.Mask: Runner.mask,
    s.MakeReadOnly: Runner.make_read_only,
    s.SetSysctl: Runner.set_sysctl,
    s.CheckModule: Runner.check_module,
    s.Label: Runner.label,
    s.LabelMount: Runner.label_mount,
    s.SetClocks: Runner.set_clocks,
    s.SetHostname: Runner.set_hostname,
    s.SetDomainname: Runner.set_domainname,
    s.BringUp: Runner.bring_up,
    s.SetOomScore: Runner.set_oom_score,
    s.PivotRoot: Runner.pivot_root,
    s.MoveRoot: Runner.move_root,
}
