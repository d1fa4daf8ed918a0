"""
The file systems that a kernel in memory can mount, with what they make of their options.

tmpfs takes numbers that it cannot read for "no limit" and its defaults; nullfs and
fdescfs ignore what they do not know; a devfs with a ruleset that is not loaded
shows everything.  All of this was seen on FreeBSD 13.2.
"""

from __future__ import annotations

import stat

from runjd.kernel.recorder.refusal import refusal
from runjd.kernel.recorder.state import Node

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runjd.kernel.freebsd.parameters import Pairs

#: options that vfs itself takes
_GENERAL = frozenset({
    "fstype", "fspath", "from", "errmsg", "ro", "rw", "rdonly", "noro", "norw", "nosuid", "suid", "noexec", "exec",
    "noatime", "atime", "nosymfollow", "symfollow", "union", "nounion", "async", "sync", "noasync", "nosync",
    "update", "force", "reload", "automounted", "emptydir", "nocover", "multilabel", "acls", "nfsv4acls",
    "snapshot", "suiddir", "nosuiddir", "untrusted", "noclusterr", "noclusterw", "export",
})  # fmt: skip
_OWN = {
    "tmpfs": frozenset(["size", "maxfilesize", "inodes", "mode", "uid", "gid", "nonc", "nomtime"]),
    "devfs": frozenset({"ruleset"}),
}
#: ignore what they do not know
_LAX = frozenset({"nullfs", "fdescfs", "procfs", "linprocfs", "linsysfs"})
#: need a device
_ON_DISKS = frozenset({"ufs", "msdosfs", "ext2fs", "cd9660"})
#: a jail may be allowed to mount them
FOR_JAILS = frozenset(["devfs", "fdescfs", "nullfs", "procfs", "tmpfs", "zfs", "linprocfs", "linsysfs", "fusefs"])
_UNITS = {"k": 10, "m": 20, "g": 30, "t": 40}
_PAGE = 4096
DEVICES = (
    "acpi", "bpf", "bpf0", "console", "ctty", "devctl", "fd/0", "fd/1", "fd/2", "fido", "full", "io", "klog", "kmem",
    "mem", "null", "pci", "random", "stderr", "stdin", "stdout", "ttyu0", "urandom", "zero",
)  # fmt: skip


def check_options(type: str, pairs: Pairs) -> None:
    """Refuse an option that a file system does not know, if it looks."""
    if type in _ON_DISKS:
        raise refusal("ENOTBLK")
    if type in _LAX:
        return
    known = _GENERAL | _OWN.get(type, frozenset())
    for name, _ in pairs:
        if name not in known:
            raise refusal("EINVAL", f"mount option <{name}> is unknown")


def new_root(type: str) -> Node:
    """Return the root directory of a new mount."""
    root = Node(stat.S_IFDIR)
    if type == "devfs":
        for name in DEVICES:
            add_device(root, name)
    return root


def add_device(root: Node, name: str, made_in: int | None = None) -> Node:
    """Add a device to a devfs."""
    folder, _, last = name.rpartition("/")
    if folder:
        root = root.children.setdefault(folder, Node(stat.S_IFDIR, 0o555))
    root.children[last] = Node(stat.S_IFCHR, 0o666, made_in=made_in)
    return root.children[last]


def understood(pairs: Pairs) -> dict[str, Any]:
    """
    Return what tmpfs makes of its options: "size" and "inodes" of None mean no limit.

    "mode" None is that of the directory below.
    """
    given = dict(pairs)
    inodes = _amount(given.get("inodes"))
    size = _amount(given.get("size"))
    return {
        "size": None if not size else -(-size // _PAGE) * _PAGE,
        "inodes": None if inodes is None or inodes < 3 else inodes,
        "mode": _octal(given.get("mode")),
        "uid": _number(given.get("uid")),
        "gid": _number(given.get("gid")),
    }


def ruleset_of(value: bytes | None) -> int:
    """Return the number that the option ``ruleset`` of devfs gives."""
    text = (value or b"").partition(b"\0")[0]
    if not value or not value.endswith(b"\0") or not text.isdigit() or int(text) > 65535:
        raise refusal("EINVAL", "invalid ruleset specification")
    return int(text)


def _amount(value: bytes | None) -> int | None:
    if not value or not value.endswith(b"\0"):
        return None
    text = value.partition(b"\0")[0].decode("ascii", "replace").lower()
    digits, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "")
    if not digits.isascii() or not digits.isdigit():
        return None
    amount = int(digits) << _UNITS.get(unit, 0)
    return amount if amount < 1 << 63 else None


def _octal(value: bytes | None) -> int | None:
    text = (value or b"").partition(b"\0")[0].decode("ascii", "replace")
    try:
        return int(text, 8) & 0o7777
    except ValueError:
        return None


def _number(value: bytes | None) -> int | None:
    text = (value or b"").partition(b"\0")[0].decode("ascii", "replace")
    if value is None:
        return None
    try:
        return int(text) & 0xFFFFFFFF
    except ValueError:
        return 0
