"""
Configurations to start from: a good default for a Linux jail, and the barest one.

They are JSON values, so that a caller can change what it likes and write the
file with :func:`json.dumps`.
"""

from __future__ import annotations

from runjd.spec.version import VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: Without CAP_MKNOD and CAP_NET_RAW, which runc and Docker grant: with no device cgroup and no user namespace
#: the first opens every disk of the host, and hardly a service needs the second.
CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)

NAMESPACES = ("pid", "network", "ipc", "uts", "mount", "cgroup")

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)

READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


def minimal_config(
    args: Sequence[str],
    *,
    root: str = "rootfs",
    readonly: bool = False,
    terminal: bool = False,
    env: Sequence[str] = (),
    cwd: str = "/",
    uid: int = 0,
    gid: int = 0,
    hostname: str = "",
    namespaces: Sequence[str] = NAMESPACES,
    mounts: Sequence[dict[str, object]] = (),
) -> dict[str, object]:
    """
    Return a ``config.json`` of a Linux jail with the usual file systems, few rights and namespaces of its own.

    :param root: path of the root file system, absolute or relative to the bundle.
    :param env: more entries, behind PATH (and TERM for a terminal), or in their place.
    :param namespaces: types of the namespaces to make; without ``uts`` there is
        no host name.
    :param mounts: more mounts, behind the usual ones.
    """
    config = plain_config(args, root=root, terminal=terminal, env=env, cwd=cwd, uid=uid, gid=gid)
    config["root"] = {"path": root, "readonly": readonly}
    process = config["process"]
    assert isinstance(process, dict)
    process["capabilities"] = {name: list(CAPABILITIES) for name in ("bounding", "effective", "permitted")}
    process["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 1024, "hard": 1024}]
    process["noNewPrivileges"] = True
    if hostname:
        config["hostname"] = hostname
    config["mounts"] = [*default_mounts(), *mounts]
    config["linux"] = {
        "namespaces": [{"type": kind} for kind in namespaces],
        "maskedPaths": list(MASKED_PATHS),
        "readonlyPaths": list(READONLY_PATHS),
    }
    return config


def plain_config(
    args: Sequence[str],
    *,
    root: str = "rootfs",
    terminal: bool = False,
    env: Sequence[str] = (),
    cwd: str = "/",
    uid: int = 0,
    gid: int = 0,
) -> dict[str, object]:
    """Return a ``config.json`` that asks for no mount and no isolation, on any system."""
    return {
        "ociVersion": VERSION,
        "process": {
            "terminal": terminal,
            "user": {"uid": uid, "gid": gid},
            "args": list(args),
            "env": _environment([PATH, *(["TERM=xterm"] if terminal else []), *env]),
            "cwd": cwd,
        },
        "root": {"path": root},
    }


def freebsd_config(
    args: Sequence[str],
    *,
    root: str = "rootfs",
    readonly: bool = False,
    terminal: bool = False,
    env: Sequence[str] = (),
    cwd: str = "/",
    uid: int = 0,
    gid: int = 0,
    hostname: str = "",
    jail: dict[str, object] | None = None,
    mounts: Sequence[dict[str, object]] = (),
) -> dict[str, object]:
    """
    Return a ``config.json`` of a FreeBSD jail that has devices (config-freebsd.md).

    :param jail: its properties; None: it has the network of the host.
    :param mounts: more mounts, behind the devices.
    """
    config = plain_config(args, root=root, terminal=terminal, env=env, cwd=cwd, uid=uid, gid=gid)
    if readonly:
        config["root"] = {"path": root, "readonly": True}
    if hostname:
        config["hostname"] = hostname
    config["mounts"] = [_mount("/dev", "devfs", "devfs", "ruleset=4"), *mounts]
    config["freebsd"] = {"jail": {"ip4": "inherit"} if jail is None else jail}
    return config


def jail_defaults() -> dict[str, object]:
    """Return every property of ``freebsd.jail`` as a jail has it that says nothing of it (config-freebsd.md)."""
    return {
        "parent": "",
        "host": "inherit",
        **{name: each for family in ("ip4", "ip6") for name, each in ((family, "inherit"), (f"{family}Addr", []))},
        "vnet": "inherit",
        "interface": "",
        "vnetInterfaces": [],
        **dict.fromkeys(("sysvmsg", "sysvsem", "sysvshm"), "new"),
        "enforceStatfs": 2,
        "allow": {
            "setHostname": False,
            "rawSockets": False,
            "chflags": False,
            "mount": [],
            "quotas": False,
            "socketAf": False,
            "mlock": False,
            "reservedPorts": True,
            "suser": True,
        },
    }


def default_mounts() -> list[dict[str, object]]:
    """Return the mounts that programs on Linux expect ("Default Filesystems" in config-linux.md)."""
    return [
        _mount("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _mount(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _mount("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
        _mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    ]


def _mount(destination: str, kind: str, source: str, *options: str) -> dict[str, object]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _environment(entries: Sequence[str]) -> list[str]:
    """Return each variable once, with its last value."""
    return list({entry.partition("=")[0]: entry for entry in entries}.values())
