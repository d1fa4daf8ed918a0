"""
All that a kernel in memory knows: files, mounts, processes, jails.

Plain data; what may happen to it is in the modules beside this one.
"""

from __future__ import annotations

import stat

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runjd.kernel.freebsd.devfs import Rule
    from runjd.kernel.recorder.resources import RctlRule

HOST = 0


class Node:
    """A file of any kind: a directory has children, a link a target, a device a name that rules know."""

    _count = 1

    def __init__(self, kind: int, mode: int = 0o755, target: str = "", made_in: int | None = None) -> None:
        Node._count += 1
        self.number = Node._count
        self.kind = kind
        self.mode = mode
        self.uid = 0
        self.gid = 0
        self.target = target
        self.content = bytearray()
        self.children: dict[str, Node] = {}
        #: of a device: not shown by its devfs; the jail of a terminal
        self.hidden = False
        self.made_in = made_in

    def is_directory(self) -> bool:
        """Whether it has children."""
        return self.kind == stat.S_IFDIR


class Mounted:
    """
    One mount.

    :ivar options: what the file system understood of its options.
    :ivar covered: where it is mounted; None for the root.
    """

    def __init__(self, type: str, source: str, target: str, root: Node, covered: Place | None, flags: int) -> None:
        self.type = type
        self.source = source
        self.target = target
        self.root = root
        self.covered = covered
        self.flags = flags
        self.fsid = (0, 0)
        self.ruleset = 0
        self.options: dict[str, Any] = {}
        self.is_gone = False


class Place(Value):
    """A file where it was found: the parts of its path from the root of the host, the file, and the mount it is on."""

    path: tuple[str, ...]
    node: Node
    mount: Mounted

    def text(self) -> str:
        """Return the path as the host writes it."""
        return "/" + "/".join(self.path)


class OpenFile:
    """
    What a descriptor refers to; a jail lives as long as one that was made in it is held anywhere.

    :ivar prison: of a jail descriptor.
    :ivar owns: it is removed when this is closed.
    """

    def __init__(self, place: Place | None, flags: int, made_in: int) -> None:
        self.place = place
        self.flags = flags
        self.made_in = made_in
        self.offset = 0
        self.prison: Prison | None = None
        self.owns = False


class Process:
    """One process; a zombie has a status."""

    def __init__(self, pid: int, parent: int, root: Place) -> None:
        self.pid = pid
        self.parent = parent
        #: the child of the reaper that it came from
        self.subtree = pid
        self.group = pid
        self.session = pid
        self.uid = 0
        self.jid = HOST
        self.start_time = 0
        self.command = "python3.11"
        self.cpu = 0.0
        self.resident = 0
        self.status: int | None = None
        self.root = root
        self.directory = root
        self.mask = 0o022
        self.descriptors: dict[int, OpenFile] = {}
        self.is_reaper = False
        self.no_new_privileges = False
        self.death_signal = 0
        self.is_protected = False
        self.ignores: set[int] = set()
        self.terminal: OpenFile | None = None


class Prison:
    """
    One jail, the host's own has the jid 0.

    :ivar values: parameters as they were set.
    """

    def __init__(self, jid: int, name: str, parent: Prison | None, root: Place) -> None:
        self.jid = jid
        self.name = name
        self.parent = parent
        self.root = root
        self.values: dict[str, Any] = {}
        self.is_persistent = False
        self.is_dying = False
        self.has_vnet = False
        self.processors: tuple[int, ...] = ()

    def is_below(self, other: Prison) -> bool:
        """Whether it is a child of another, or of a child of it."""
        above = self.parent
        while above is not None:
            if above is other:
                return True
            above = above.parent
        return False

    def full_name(self) -> str:
        """Return the name with those of all jails above."""
        above = self.parent
        return self.name if above is None or above.parent is None else f"{above.full_name()}.{self.name}"


class Interface:
    """
    A network interface.

    :ivar network: jid of the jail whose network it is in; 0 the host's.
    :ivar ready: microseconds since boot at which addresses of version 6 can be bound to.
    :ivar peer: the other end of an epair.
    """

    def __init__(self, name: str, kind: str, unit: int, network: int) -> None:
        self.name = name
        self.kind = kind
        self.unit = unit
        self.home = network
        self.network = network
        self.is_up = False
        self.addresses: dict[str, int] = {}
        self.ready: dict[str, int] = {}
        self.peer: Interface | None = None


class State:
    """
    The machine.

    :param release: as kern.osrelease, which decides what the kernel knows.
    """

    def __init__(self, release: str = "13.2-RELEASE") -> None:
        self.release = release
        self.major = int(release.partition(".")[0])
        #: microseconds since 1970
        self.boot_time = 1_700_000_000_000_000
        self.uptime = 100_000_000
        tree = Node(stat.S_IFDIR)
        ground = Mounted("ufs", "/dev/disk0", "/", tree, None, 0x1000)
        ground.fsid = (1, 2)
        self.root = Place((), tree, ground)
        self.mounts = [ground]
        self.mount_count = 0
        #: those that are there, and those that can be loaded
        self.file_systems = {"ufs", "devfs", "msdosfs", "ext2fs", "tmpfs", "nullfs", "fdescfs", "procfs"}
        self.loadable: set[str] = set()
        self.processors = 2
        self.host = Prison(HOST, "0", None, self.root)
        self.prisons: list[Prison] = []
        self.last_jid = 0
        self.cpusets = 2
        self.processes: dict[int, Process] = {}
        self.last_pid = 0
        self.queues: list[Any] = []
        #: newest first
        self.rules: list[RctlRule] = []
        #: what rctl_get_racct(2) tells, by subject
        self.usage: dict[str, dict[str, int]] = {}
        #: addresses of version 6 that other machines of the network have
        self.addresses_elsewhere: set[str] = set()
        self.modules = {"if_epair", "if_bridge"}
        self.loadable_modules: set[str] = set()
        self.texts = {"kern.hostuuid": "00000000-0000-0000-0000-000000000000"}
        self.numbers = {
            "kern.racct.enable": 1, "kern.features.vimage": 1, "vfs.usermount": 0,
            "security.jail.jail_max_af_ips": 255, "security.jail.children.max": 999_999,
            "kern.chroot_allow_open_directories": 1, "kern.pid_max": 99_999, "kern.maxproc": 7412,
            "kern.maxprocperuid": 6670, "kern.hostid": 0, "kern.ipc.maxsockbuf": 2_097_152,
            "kern.ipc.pipekva": 61_440, "security.bsd.see_jail_proc": 1, "security.bsd.unprivileged_proc_debug": 1,
            "kern.racct.rctl.throttle_pct2": 100, "kern.racct.rctl.throttle_pct": 100,
            "kern.racct.rctl.throttle_max": 2000, "kern.racct.rctl.throttle_min": 1,
            "kern.racct.rctl.devctl_rate_limit": 10, "kern.racct.rctl.log_rate_limit": 10,
            "kern.racct.rctl.maxbufsize": 16_777_216, "kern.racct.pcpu_threshold": 1, "kern.maxfiles": 64_996,
            "kern.maxfilesperproc": 58_491, "kern.ngroups": 1023, "kern.osreldate": self.major * 100_000 + 2001,
            "hw.ncpu": self.processors,
        }  # fmt: skip
        self.rulesets: dict[int, list[Rule]] = {}
        self.interfaces = [Interface("lo0", "lo", 0, HOST)]
        self.terminals = 0
        self.init = self.start("init", HOST)
        self.me = self.start("python3.11", self.init.pid)

    def start(self, command: str, parent: int) -> Process:
        """Add a process on the host."""
        self.last_pid += 1
        made = Process(self.last_pid, parent, self.root)
        made.command = command
        made.start_time = self.uptime + self.last_pid
        self.processes[made.pid] = made
        return made

    def prison_of(self, process: Process) -> Prison:
        """Return the jail that a process is in."""
        return self.host if process.jid == HOST else next(each for each in self.prisons if each.jid == process.jid)

    def mine(self) -> Prison:
        """Return the jail that we are in."""
        return self.prison_of(self.me)

    def is_root(self) -> bool:
        """Whether we are the super-user, of a jail perhaps."""
        return self.me.uid == 0
