"""
Namespaces of Linux: clone3(2), setns(2), unshare(2), and the names of a UTS namespace.
"""

from __future__ import annotations

import errno
import os
import struct

from runjd.kernel.libc import c_int, c_long, c_size_t, c_ulong, check, get_errno, held_libc, libc

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWTIME = 0x00000080
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_PARENT = 0x00008000

_NR_CLONE3 = 435
#: machine -> clone, which is what filters of system calls know, as they cannot look into the arguments of the other
_NR_CLONE = {"x86_64": 56, "aarch64": 220, "riscv64": 220, "loongarch64": 220, "ppc64le": 120, "ppc64": 120}
_CLONE_ARGS = 64
_SIGCHLD = 17


def clone_process(flags: int) -> int:
    """
    Fork into new namespaces: the pid in the parent, 0 in the child.

    One call does what unshare(2) and fork(2) need two processes for.  It goes
    past the C library's fork, so it is for programs with one thread: locks that
    another thread holds stay locked in the child.  Python's own fork hooks are
    called as os.fork() calls them.

    :param flags: CLONE_NEW* bits; CLONE_PARENT for a child of our own parent.
    """
    # a child of our parent is told of as we are
    signal = 0 if flags & CLONE_PARENT else _SIGCHLD
    arguments = struct.pack("=8Q", flags, 0, 0, 0, signal, 0, 0, 0)
    number, size = c_long(_NR_CLONE3), c_size_t(_CLONE_ARGS)
    call = held_libc.syscall
    other = _NR_CLONE.get(os.uname().machine)
    held_libc.PyOS_BeforeFork()
    pid = call(number, arguments, size)
    if pid == -1 and other is not None and get_errno() in (errno.ENOSYS, errno.EPERM):
        pid = call(c_long(other), c_ulong(flags | signal), c_ulong(0), c_ulong(0), c_ulong(0), c_ulong(0))
    if pid == 0:
        held_libc.PyOS_AfterFork_Child()
        return 0
    code = get_errno()
    held_libc.PyOS_AfterFork_Parent()
    if pid == -1:
        raise OSError(code, os.strerror(code), "clone3")
    return int(pid)


def set_namespace(descriptor: int, flags: int) -> None:
    """
    Enter namespaces: one, by a descriptor of its file, or those in ``flags``, by a pidfd (Linux 5.8).

    A pid namespace counts for later children only; the others at once.
    """
    check(libc.setns(c_int(descriptor), c_int(flags)), "setns")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones."""
    check(libc.unshare(c_int(flags)), "unshare")


def set_hostname(name: str) -> None:
    """sethostname(2) in our UTS namespace."""
    encoded = name.encode("utf-8", "surrogateescape")
    check(libc.sethostname(encoded, c_size_t(len(encoded))), "sethostname")


def set_domainname(name: str) -> None:
    """setdomainname(2) in our UTS namespace."""
    encoded = name.encode("utf-8", "surrogateescape")
    check(libc.setdomainname(encoded, c_size_t(len(encoded))), "setdomainname")
