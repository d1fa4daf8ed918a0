"""
``config.json`` of the OCI runtime specification 1.0 to 1.3 as frozen values.

Names are the specification's, in snake case.  What is absent in the document is
``None`` where absence means something, else the specification's default.  The
values know nothing of where they came from: :mod:`runjd.spec.parse` makes them.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Root(Value):
    """``root``: the file system of the jail; ``path`` as written, relative to the bundle."""

    path: str
    readonly: bool = False


class Mount(Value):
    """``mounts[]``; ``source`` as written, relative to the bundle where it is a path."""

    destination: str
    type: str = ""
    source: str = ""
    options: tuple[str, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()


class IdMapping(Value):
    """A range of ids of a user namespace or an id-mapped mount."""

    container_id: int
    host_id: int
    size: int


class User(Value):
    """``process.user``; ``umask`` is None where the document does not say."""

    uid: int = 0
    gid: int = 0
    umask: int | None = None
    additional_gids: tuple[int, ...] = ()


class Rlimit(Value):
    """``process.rlimits[]``; ``type`` as ``RLIMIT_NOFILE``; values up to 2**64 - 1 (infinity)."""

    type: str
    soft: int
    hard: int


class Capabilities(Value):
    """``process.capabilities``: names as ``CAP_KILL``."""

    bounding: tuple[str, ...] = ()
    effective: tuple[str, ...] = ()
    inheritable: tuple[str, ...] = ()
    permitted: tuple[str, ...] = ()
    ambient: tuple[str, ...] = ()


class ConsoleSize(Value):
    """``process.consoleSize`` in characters."""

    height: int
    width: int


class Scheduler(Value):
    """``process.scheduler``: constants by their names, times in nanoseconds."""

    policy: str
    nice: int = 0
    priority: int = 0
    flags: tuple[str, ...] = ()
    runtime: int = 0
    deadline: int = 0
    period: int = 0


class IoPriority(Value):
    """``process.ioPriority``; ``kind`` is the class, as ``IOPRIO_CLASS_BE``."""

    kind: str
    priority: int = 0


class CpuAffinity(Value):
    """``process.execCPUAffinity``: numbers of CPUs; empty where the document does not say."""

    initial: tuple[int, ...] = ()
    final: tuple[int, ...] = ()


class Process(Value):
    """``process``: what runs in the jail, and as whom."""

    args: tuple[str, ...]
    cwd: str = "/"
    env: tuple[str, ...] = ()
    terminal: bool = False
    console_size: ConsoleSize | None = None
    user: User = User()
    rlimits: tuple[Rlimit, ...] = ()
    capabilities: Capabilities | None = None
    no_new_privileges: bool = False
    oom_score_adj: int | None = None
    apparmor_profile: str = ""
    selinux_label: str = ""
    scheduler: Scheduler | None = None
    io_priority: IoPriority | None = None
    exec_cpu_affinity: CpuAffinity | None = None


#: the phases of hooks, as the specification names them, in the order of the fields of :class:`Hooks`
PHASES = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


class Hook(Value):
    """One entry of ``hooks.*``; ``env`` is None where absent; ``timeout`` in seconds, None for none."""

    path: str
    args: tuple[str, ...] = ()
    env: tuple[str, ...] | None = None
    timeout: int | None = None


class Hooks(Value):
    """``hooks``: the six phases of the specification, in its order."""

    prestart: tuple[Hook, ...] = ()
    create_runtime: tuple[Hook, ...] = ()
    create_container: tuple[Hook, ...] = ()
    start_container: tuple[Hook, ...] = ()
    poststart: tuple[Hook, ...] = ()
    poststop: tuple[Hook, ...] = ()


class Namespace(Value):
    """``linux.namespaces[]``; ``path`` is empty for a new one."""

    type: str
    path: str = ""


class LinuxDevice(Value):
    """``linux.devices[]``; ``type`` is one of c, b, u, p; ids are None where absent."""

    type: str
    path: str
    major: int | None = None
    minor: int | None = None
    file_mode: int | None = None
    uid: int | None = None
    gid: int | None = None


class SeccompArgument(Value):
    """``linux.seccomp.syscalls[].args[]``; ``number`` is the index; SCMP_CMP_MASKED_EQ alone has a ``value_two``."""

    number: int
    op: str
    value: int
    value_two: int = 0


class SeccompRule(Value):
    """``linux.seccomp.syscalls[]``; ``errno_ret`` is None where absent."""

    names: tuple[str, ...]
    action: str
    errno_ret: int | None = None
    args: tuple[SeccompArgument, ...] = ()


class Seccomp(Value):
    """``linux.seccomp``: which system calls the processes of the jail can make; constants by their names."""

    default_action: str
    default_errno_ret: int | None = None
    architectures: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    listener_path: str = ""
    listener_metadata: str = ""
    syscalls: tuple[SeccompRule, ...] = ()


class TimeOffset(Value):
    """One of ``linux.timeOffsets``: by how much a clock of the jail, ``monotonic`` or ``boottime``, is ahead."""

    clock: str
    secs: int = 0
    nanosecs: int = 0


class Linux(Value):
    """
    ``linux``.

    ``resources`` is kept as JSON for the room that applies it; ``unapplied`` names
    (as JSON paths below ``linux``) asked-for properties that have no field here.
    """

    namespaces: tuple[Namespace, ...] = ()
    uid_mappings: tuple[IdMapping, ...] = ()
    gid_mappings: tuple[IdMapping, ...] = ()
    devices: tuple[LinuxDevice, ...] = ()
    cgroups_path: str = ""
    resources: Mapping[str, object] | None = None
    seccomp: Seccomp | None = None
    sysctl: tuple[tuple[str, str], ...] = ()
    masked_paths: tuple[str, ...] = ()
    readonly_paths: tuple[str, ...] = ()
    rootfs_propagation: str = ""
    mount_label: str = ""
    #: ``LINUX`` or ``LINUX32``; empty where absent
    personality: str = ""
    time_offsets: tuple[TimeOffset, ...] = ()
    unapplied: tuple[str, ...] = ()


class FreeBSDDevice(Value):
    """``freebsd.devices[]``: a devfs path and optionally its mode."""

    path: str
    mode: int | None = None


class JailAllow(Value):
    """
    ``freebsd.jail.allow``; None where the document does not say.

    ``others`` are permissions that the specification has no name for: jail(8)'s
    name behind ``allow.``, and whether it is granted; annotations name them.
    """

    set_hostname: bool | None = None
    raw_sockets: bool | None = None
    chflags: bool | None = None
    mount: tuple[str, ...] = ()
    quotas: bool | None = None
    socket_af: bool | None = None
    mlock: bool | None = None
    reserved_ports: bool | None = None
    suser: bool | None = None
    others: tuple[tuple[str, bool], ...] = ()


class FreeBSDJail(Value):
    """``freebsd.jail`` of config-freebsd.md 1.3; empty or None where absent."""

    parent: str = ""
    host: str = ""
    ip4: str = ""
    ip4_addr: tuple[str, ...] = ()
    ip6: str = ""
    ip6_addr: tuple[str, ...] = ()
    vnet: str = ""
    interface: str = ""
    vnet_interfaces: tuple[str, ...] = ()
    sysvmsg: str = ""
    sysvsem: str = ""
    sysvshm: str = ""
    enforce_statfs: int | None = None
    allow: JailAllow = JailAllow()


class FreeBSD(Value):
    """``freebsd``."""

    devices: tuple[FreeBSDDevice, ...] = ()
    jail: FreeBSDJail = FreeBSDJail()


class Config(Value):
    """The whole of ``config.json``; ``foreign`` names the objects of other platforms (``windows``, ``vm``...) in it."""

    oci_version: str
    root: Root | None = None
    process: Process | None = None
    hostname: str = ""
    domainname: str = ""
    mounts: tuple[Mount, ...] = ()
    hooks: Hooks = Hooks()
    annotations: tuple[tuple[str, str], ...] = ()
    linux: Linux | None = None
    freebsd: FreeBSD | None = None
    foreign: tuple[str, ...] = ()
