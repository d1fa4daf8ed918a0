"""
Keep jails from writing to the interpreter that entered them (CVE-2019-5736).

A program in a jail can reach the file of the process that is about to become it,
by ``/proc/self/exe`` as the interpreter of a script, and open it for writing once it
is no longer running.  So we run from a read-only mount of the interpreter that is
attached nowhere: it goes with the process, nobody else can find it, and no right
that a jail can have makes it writable.  The mounts of the host are left as they are.

To start over from that mount takes as long as a third of all that a container takes.
So the file is exchanged below us, and only where that cannot be we start over.

The shared libraries of the interpreter are not covered: they can only be reached by
``/proc/PID/map_files``, which takes CAP_SYS_PTRACE, as we are not dumpable, and
CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: a jail that has both owns the host.
"""

from __future__ import annotations

import posix
import sys

_FLAG = "runjd-sealed"
_STEP = "seal the interpreter"
_EXECUTABLE = "/proc/self/exe"
#: Variables that start so go along: those of the loader, and what we make use of. The others are the caller's affair:
#: what is not in our memory cannot be read there by a jail that has CAP_SYS_PTRACE.
_KEPT = (b"LD_", b"LISTEN_", b"NO_COLOR", b"PATH", b"RUNJ_", b"SOURCE_DATE_EPOCH")


def is_sealed(executable: str = _EXECUTABLE) -> bool:
    """Whether nobody can write to the file we run from, by the mount we reach it through."""
    return bool(posix.statvfs(executable).f_flag & posix.ST_RDONLY)


def seal() -> None:
    """
    Run from a read-only interpreter.

    To be called first of all, by root on Linux, before anything is opened, as the
    program may be started over, once.  A read-only mount of somebody else's is not
    enough: it is made writable for each upgrade of the system, and what a jail found
    and kept open before can be written to then.

    :raise RuntimeFailure: it cannot be.
    """
    if sys.platform != "linux" or posix.geteuid() != 0:
        return
    if _FLAG in sys._xoptions:
        if is_sealed():
            return
        from runjd.errors import RuntimeFailure

        raise RuntimeFailure(_STEP, "it is still writable from a read-only mount")
    from runjd.kernel import mount as m

    try:
        tree = m.copy_tree(_EXECUTABLE, False)
        m.set_attributes(tree, m.MOUNT_ATTR_RDONLY, 0, m.MS_PRIVATE)
        if _is_alone() and _exchange(tree):
            posix.close(tree)
        else:
            start_over(tree)
    except OSError as error:
        from runjd.runtime.failing import failure

        raise failure(_STEP, error) from error


def start_over(tree: int) -> None:
    """
    Start the program over, from another mount of the interpreter.

    :raise OSError: it cannot be.
    """
    kept = {name: value for name, value in posix.environ.items() if name.startswith(_KEPT)}
    # The flag stands behind argv[0], which says where the virtual environment is.
    posix.execve(tree, [sys.orig_argv[0], "-X", _FLAG, *sys.orig_argv[1:]], kept)


def _is_alone() -> bool:
    """Whether nothing else runs here, nor ran before us, as what modules of a site are free to do."""
    return bool(sys.flags.isolated and sys.flags.no_site) and len(posix.listdir("/proc/self/task")) == 1


def _exchange(tree: int) -> bool:
    """Exchange the interpreter below us for the same on another mount; whether that could be."""
    from runjd.kernel.command_line import forget_variables
    from runjd.kernel.executable import exchange_executable

    try:
        descriptor = posix.open(f"/proc/self/fd/{tree}", posix.O_RDONLY | posix.O_CLOEXEC)
        try:
            exchange_executable(descriptor)
        finally:
            posix.close(descriptor)
    except OSError:
        # this kernel, machine or C library cannot, or we may not
        return False
    forget_variables(_KEPT)
    return is_sealed()
