"""
What will be done to make a FreeBSD jail, one value for each thing.

As in :mod:`runjd.runtime.linux.steps`: comparable, printable, carried out by
:mod:`runjd.runtime.freebsd.run`; ``path`` is the JSON path of the property that asked
for the step, empty where the runtime does it on its own.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.runtime.freebsd.options import Options
    from runjd.runtime.freebsd.parameters import Parameter


class CheckRoot(Value):
    """See that the root of the jail is a directory."""

    root: str
    path: str = "root.path"

    def __str__(self) -> str:
        return f"open the root {self.root}"


class LoadFileSystem(Value):
    """Load a file system's module, unless the kernel has it: jail parameters and mounts need it (kldload(2))."""

    name: str
    path: str

    def __str__(self) -> str:
        return f"load the file system {self.name}"


class CheckRacct(Value):
    """See that the kernel accounts for resources, as limits ask for (kern.racct.enable)."""

    path: str

    def __str__(self) -> str:
        return "look for resource accounting"


class AddRule(Value):
    """Limit a resource of the jail, by its name and before it exists: rctl_add_rule(2)."""

    jail: str
    resource: str
    action: str
    amount: int
    path: str

    @property
    def rule(self) -> str:
        """The rule as rctl(8) writes it."""
        return f"jail:{self.jail}:{self.resource}:{self.action}={self.amount}"

    def __str__(self) -> str:
        return f"limit {self.resource} of {self.jail} ({self.action}={self.amount})"


class ReadOnlyRoot(Value):
    """Let the jail live in a read-only alias of its root: nullfs mounted on a directory of ours."""

    root: str
    alias: str
    path: str = "root.readonly"

    def __str__(self) -> str:
        return f"mount {self.root} read-only on {self.alias}"


class MountFileSystem(Value):
    """nmount(2) a new file system on a path of the jail; ``source`` counts for nothing but what mount(8) shows."""

    destination: str
    kind: str
    options: Options
    path: str = ""

    def __str__(self) -> str:
        return f"mount {self.kind} on {self.destination}"


class BindMount(Value):
    """
    Show a file or directory of the host in the jail: nullfs.

    :ivar mounts_files: nullfs is used for a single file, too, which panics some
        kernels; otherwise the file is copied.
    """

    destination: str
    source: str
    options: Options
    mounts_files: bool = False
    path: str = ""

    def __str__(self) -> str:
        return f"mount {self.source} on {self.destination}"


class CheckRuleset(Value):
    """See that a devfs ruleset is loaded: one that is not shows every device of the host."""

    number: int
    path: str

    def __str__(self) -> str:
        return f"look for devfs ruleset {self.number}"


class ApplyDeviceRule(Value):
    """Show a device in the devfs of the jail, hide or change it; None leaves what is."""

    destination: str
    pattern: str
    visible: bool | None = None
    mode: int | None = None
    user: int | None = None
    group: int | None = None
    path: str = ""

    def __str__(self) -> str:
        return f"apply the rule for {self.pattern} in {self.destination}"


class AddAlias(Value):
    """Give an interface of the host an address, for as long as the jail is there."""

    interface: str
    address: str
    jail: str
    path: str

    def __str__(self) -> str:
        return f"add {self.address} to {self.interface}"


class AwaitAddress(Value):
    """Wait until an address of version 6 can be bound to: the kernel first asks whether another machine has it."""

    interface: str
    address: str
    path: str

    def __str__(self) -> str:
        return f"add {self.address} to {self.interface}"


class PrepareParent(Value):
    """See that the parent jail is there and may have one more child."""

    parent: str
    path: str = "freebsd.jail.parent"

    def __str__(self) -> str:
        return f"prepare the parent jail {self.parent}"


class MakeJail(Value):
    """jail_set(2)."""

    parameters: tuple[Parameter, ...]
    path: str = "freebsd.jail"

    def __str__(self) -> str:
        return f"make the jail {self.parameters[0].value}"


class MoveInterface(Value):
    """Move an interface of the host into the jail's own vnet."""

    interface: str
    path: str

    def __str__(self) -> str:
        return f"move the interface {self.interface} into the jail"


class PinCpus(Value):
    """Let the jail run on some processors only: cpuset_setaffinity(2)."""

    cpus: tuple[int, ...]
    path: str = "linux.resources.cpu.cpus"

    def __str__(self) -> str:
        return f"run on the processors {','.join(map(str, self.cpus))}"


class Attach(Value):
    """jail_attach(2), in the child; no directory may be open then."""

    jail: str
    path: str = ""

    def __str__(self) -> str:
        return f"enter the jail {self.jail}"
