"""
Giving up every right that a process can do without which has its sockets already.

What a host does not have, or does not let us do, is left out, and told: the rest is still worth something.  Without
root that is the file system, the network and the user, which stay what they are; so it is with a root who may not
become anybody else, as in a user namespace of one user.  Root with all system calls it never is.
"""

from __future__ import annotations

import errno
import os
import resource
import socket
import sys
from collections.abc import Callable

from runjd.kernel import libc, libseccomp, namespaces, prctl, seccomp
from runjd.kernel.coredumps import forbid_core_dumps
from runjd.kernel.libseccomp import ACT_ALLOW, ACT_ERRNO, CMP_EQ, CMP_MASKED_EQ

#: system calls of Linux that a loop needs which has all its descriptors, or gets them by a socket
_CALLS = (
    *("read", "write", "close", "shutdown", "recvfrom", "recvmsg", "sendto", "getsockname", "getsockopt"),
    *("epoll_wait", "epoll_pwait", "epoll_ctl", "poll", "ppoll"),
    *("brk", "munmap", "mremap", "madvise", "futex", "getrandom", "getpid"),
    *("clock_gettime", "gettimeofday", "time", "clock_nanosleep", "nanosleep", "restart_syscall"),
    *("exit", "exit_group"),
)
_SPACES = namespaces.CLONE_NEWNS | namespaces.CLONE_NEWNET | namespaces.CLONE_NEWIPC | namespaces.CLONE_NEWUTS
_FIONBIO = 0x5421
_PROT_EXEC = 4


def confine(uid: int, gid: int, root: str, descriptors: int) -> list[str]:
    """
    Do it, for good; return what was not done, and why.

    :param uid: whose process this becomes, where it is root's.
    :param root: a directory in which nothing is.
    :param descriptors: how many there may be.
    :raise PermissionError: too much would be left.
    """
    left: list[str] = []

    def attempt(what: str, act: Callable[[], object]) -> None:
        try:
            act()
        except (OSError, ValueError, AttributeError) as error:
            left.append(f"{what}: {error}")

    program = b""
    if sys.platform == "linux":
        try:
            program = _program(libseccomp.Library())
        except OSError as error:
            left.append(f"system calls: {error}")
    attempt("descriptors", lambda: _limit(resource.RLIMIT_NOFILE, descriptors))
    attempt("core dumps", lambda: _limit(resource.RLIMIT_CORE, 0))
    if os.geteuid() == 0:
        if sys.platform == "linux":
            attempt("namespaces", lambda: namespaces.unshare(_SPACES))
        attempt("files", lambda: _leave_files(root))
        attempt("groups", lambda: os.setgroups([]))
        attempt("group", lambda: os.setresgid(gid, gid, gid))
        attempt("tracing", forbid_core_dumps)  # on FreeBSD; what Linux keeps of it, another user undoes
        attempt("user", lambda: os.setresuid(uid, uid, uid))
        if sys.platform == "linux":
            attempt("tracing", lambda: prctl.set_dumpable(0))
    else:
        left.append("files, network and user: only root can give them up")
    attempt("processes", lambda: _limit(resource.RLIMIT_NPROC, 0))
    if sys.platform == "linux":
        attempt("privileges", prctl.set_no_new_privs)
        if program:
            attempt("system calls", lambda: seccomp.load(program, 0))
    elif sys.platform.startswith("freebsd"):
        attempt("capsicum(4)", lambda: libc.check(libc.libc.cap_enter(), "cap_enter"))
    if os.geteuid() == 0 and any(each.startswith(("system calls:", "capsicum(4):")) for each in left):
        raise PermissionError("it would stay root, with all system calls: " + "; ".join(left))
    return left


def _leave_files(root: str) -> None:
    os.chroot(root)
    os.chdir("/")


def _limit(number: int, limit: int) -> None:
    resource.setrlimit(number, (limit, limit))


def _program(library: libseccomp.Library) -> bytes:
    """Return a filter that lets through what is on the list; all else fails with EPERM."""
    made = library.filter(ACT_ERRNO | errno.EPERM)
    rules: list[tuple[str, list[tuple[int, int, int, int]]]] = [(name, []) for name in _CALLS]
    rules.append(("ioctl", [(1, CMP_EQ, _FIONBIO, 0)]))
    rules.append(("setsockopt", [(1, CMP_EQ, socket.SOL_SOCKET, 0), (2, CMP_EQ, socket.SO_LINGER, 0)]))
    rules += [(name, [(2, CMP_MASKED_EQ, _PROT_EXEC, 0)]) for name in ("mmap", "mprotect")]
    try:
        for name, conditions in rules:
            number = library.resolve(name)
            if number is not None and number >= 0:
                made.add_rule(ACT_ALLOW, number, conditions)
        return made.export()
    finally:
        made.close()
