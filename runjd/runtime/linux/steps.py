"""
What a runtime will do, one value for each thing.

A plan is a tuple of these: it can be compared, printed for a person and carried
out (:mod:`runjd.runtime.linux.run`).  ``path`` is the JSON path of the property that
asked for the step, empty where the runtime does it on its own; two steps of
different kinds never share everything, because their paths differ.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.runtime.linux.scope.naming import Scope
    from runjd.spec.model import Seccomp, TimeOffset
    from runjd.spec.resources import Resources


class Note(Value):
    """Something that only a person reads."""

    text: str
    path: str = ""

    def __str__(self) -> str:
        return self.text


class CheckRoot(Value):
    """See that the root of the jail is a directory."""

    root: str
    path: str = "root.path"

    def __str__(self) -> str:
        return f"open the root {self.root}"


class MakeGroups(Value):
    """
    Make the control groups of the jail, with their limits, in each hierarchy that the host has.

    :ivar asked: whether the bundle wants them; else they tell which processes are the jail's, where they can.
    """

    where: str
    id: str
    resources: Resources
    asked: bool = True
    path: str = "linux.cgroupsPath"

    def __str__(self) -> str:
        return f"make the control groups {self.where or self.id}"


class MakeScope(Value):
    """Have systemd make the control groups of the jail, as those of a scope."""

    scope: Scope
    id: str
    resources: Resources
    path: str = "linux.cgroupsPath"

    def __str__(self) -> str:
        return f"have systemd make {self.scope.unit} in {self.scope.slice}"


class JoinGroups(Value):
    """Enter the control groups of the jail, and hide all others where it has a namespace for them."""

    has_namespace: bool
    path: str = "linux.cgroupsPath"

    def __str__(self) -> str:
        return "join the control groups"


class JoinNamespace(Value):
    """
    Enter a namespace that somebody else made.

    :ivar flag: its CLONE_NEW bit, which the kernel checks.
    :ivar apart: JSON path of the property for which it must not be the host's; empty for none.
    """

    kind: str
    file: str
    flag: int
    path: str
    apart: str = ""

    def __str__(self) -> str:
        return f"join {self.kind} namespace {self.file}"


class HoldSource(Value):
    """Take hold of the source of a bind that shall stay a peer of the host's mount, before the others cease to be."""

    source: str
    recursive: bool
    path: str

    def __str__(self) -> str:
        return f"take hold of {self.source}"


class SetPropagation(Value):
    """Say how mounts propagate between ``target``, a path of the namespace, and its peers; ``flags`` are MS bits."""

    target: str
    propagation: str
    flags: int
    path: str = ""

    def __str__(self) -> str:
        return f"make {self.target} {self.propagation}"


class PartFromHost(Value):
    """Let no mount of ours show on the host any more, wherever in the namespace our root is."""

    path: str = ""

    def __str__(self) -> str:
        return "part from the mounts of the host"


class BindRoot(Value):
    """Make the root of the jail a mount of its own, as pivot_root(2) wants; private unless ``keeps_peers``."""

    root: str
    keeps_peers: bool = False
    path: str = "root.path"

    def __str__(self) -> str:
        return f"bind {self.root} on itself"


class MountFileSystem(Value):
    """mount(2) a new file system; ``flags`` is what the options say, ``data`` what the file system is told."""

    destination: str
    type: str
    source: str
    flags: int
    data: str
    options: tuple[str, ...]
    propagation: tuple[int, ...] = ()
    copies_up: bool = False
    set_recursively: int = 0
    clear_recursively: int = 0
    path: str = ""

    def __str__(self) -> str:
        return f"mount {self.type} on {self.destination}{_words(self.options)}"


class BindMount(Value):
    """
    Show a file or a directory of the host.

    ``set`` and ``clear`` are MOUNT_ATTR bits for the mount itself, the recursive
    ones for all mounts below it too; ``propagation`` are MS bits, in order.
    """

    destination: str
    source: str
    recursive: bool
    set: int
    clear: int
    set_recursively: int
    clear_recursively: int
    propagation: tuple[int, ...]
    options: tuple[str, ...]
    path: str = ""

    def __str__(self) -> str:
        return f"bind {self.source} on {self.destination}{_words(self.options)}"


class Remount(Value):
    """Change the flags of what is mounted already."""

    destination: str
    type: str
    flags: int
    data: str
    set: int
    clear: int
    options: tuple[str, ...]
    path: str = ""

    def __str__(self) -> str:
        return f"remount {self.destination}{_words(self.options)}"


class MountCgroups(Value):
    """Show the jail its own control groups, whichever version the host has."""

    destination: str
    flags: int
    set: int
    options: tuple[str, ...]
    path: str = ""

    def __str__(self) -> str:
        return f"mount cgroups on {self.destination}{_words(self.options)}"


class MakeDevice(Value):
    """mknod(2); ``kind`` is b, c or p. Where the kernel refuses, the host's own node is bound."""

    destination: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int
    gid: int
    path: str = ""

    def __str__(self) -> str:
        number = "" if self.kind == "p" else f" {self.major}:{self.minor}"
        return f"make {self.destination} ({self.kind}{number}, mode {self.mode:04o}, owner {self.uid}:{self.gid})"


class MakeLink(Value):
    """symlink(2), where nothing is there yet."""

    destination: str
    target: str
    path: str = ""

    def __str__(self) -> str:
        return f"link {self.destination} to {self.target}"


class MakeDirectory(Value):
    """
    Make a directory where nothing is there yet, as runc and crun do for the working directory.

    What hinders that hinders the process as well, which tells it better.
    """

    destination: str
    path: str

    def __str__(self) -> str:
        return f"see that {self.destination} is there"


class RunHooks(Value):
    """Run the hooks of create, which see all mounts of the jail, and still the host."""

    path: str = "hooks"

    def __str__(self) -> str:
        return "run the hooks of create"


class Mask(Value):
    """Hide a file behind /dev/null, a directory behind an empty one; nothing where it is absent."""

    destination: str
    path: str

    def __str__(self) -> str:
        return f"mask {self.destination}"


class MakeReadOnly(Value):
    """Let nobody write below a path; nothing where it is absent."""

    destination: str
    path: str

    def __str__(self) -> str:
        return f"make {self.destination} read-only"


class SetSysctl(Value):
    """Write a parameter of the kernel, in the jail's namespaces; ``file`` is below /proc/sys."""

    name: str
    value: str
    file: str
    path: str

    def __str__(self) -> str:
        return f"set {self.name} to {self.value}"


class SetClocks(Value):
    """Have clocks of our own, ahead of the host's by the offsets; only whoever is first in them can set them."""

    offsets: tuple[TimeOffset, ...]
    path: str = "linux.timeOffsets"

    def __str__(self) -> str:
        shown = ", ".join(f"{each.clock} by {each.secs}.{each.nanosecs:09d} s" for each in self.offsets)
        return f"make a time namespace ({shown or 'no offset'})"


class SetPersonality(Value):
    """personality(2): the system that the process, and all that come of it, believe to be on."""

    domain: str
    path: str = "linux.personality"

    def __str__(self) -> str:
        return f"set personality {self.domain}"


class SetHostname(Value):
    """sethostname(2)."""

    hostname: str
    path: str = "hostname"

    def __str__(self) -> str:
        return f"set hostname {self.hostname}"


class SetDomainname(Value):
    """setdomainname(2)."""

    domainname: str
    path: str = "domainname"

    def __str__(self) -> str:
        return f"set domainname {self.domainname}"


class BringUp(Value):
    """Bring a network interface up."""

    interface: str
    path: str = "linux.namespaces"

    def __str__(self) -> str:
        return f"bring interface {self.interface} up"


class SetOomScore(Value):
    """Say how readily the kernel kills the process when memory runs out."""

    score: int
    path: str = "process.oomScoreAdj"

    def __str__(self) -> str:
        return f"set oom_score_adj {self.score}"


class CheckModule(Value):
    """See that a security module, AppArmor or SELinux, is at work on the host."""

    module: str
    path: str

    def __str__(self) -> str:
        return f"see that the host has {self.module}"


class Label(Value):
    """Ask for what a security module shall take us for; ``attributes``: the first of these files that is."""

    attributes: tuple[str, ...]
    value: str
    path: str

    def __str__(self) -> str:
        return f"set {self.attributes[-1]} to {self.value}"


class LabelMount(Value):
    """Give the directory of a mount a label of SELinux."""

    destination: str
    label: str
    path: str = "linux.mountLabel"

    def __str__(self) -> str:
        return f"label {self.destination} {self.label}"


class FilterSyscalls(Value):
    """Let the kernel judge each system call of the process and of all that come of it."""

    seccomp: Seccomp
    path: str = "linux.seccomp"

    def __str__(self) -> str:
        return f"filter system calls ({len(self.seccomp.syscalls)} rules, else {self.seccomp.default_action})"


class PivotRoot(Value):
    """Make the root of the jail ``/``, and let go of the host's."""

    root: str
    path: str = "root.path"

    def __str__(self) -> str:
        return f"pivot into {self.root}"


class MoveRoot(Value):
    """Lay the root of the jail over the host's, which stays below it: where the host's cannot be put away."""

    root: str
    path: str = "root.path"

    def __str__(self) -> str:
        return f"move {self.root} to /"


def _words(options: tuple[str, ...]) -> str:
    return f" ({','.join(options)})" if options else ""
