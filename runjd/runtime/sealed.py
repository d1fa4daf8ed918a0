"""
Keep jails from writing to the interpreter that entered them (CVE-2019-5736).

A program in a jail can reach the file of the process that is about to become it,
by ``/proc/self/exe`` as the interpreter of a script, and open it for writing once it
is no longer running.  So we run from a read-only mount of the interpreter that is
attached nowhere: it goes with the process, nobody else can find it, and no right
that a jail can have makes it writable.  The mounts of the host are left as they are.

The shared libraries of the interpreter are not covered: they can only be reached by
``/proc/PID/map_files``, which takes CAP_SYS_PTRACE, as we are not dumpable, and
CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE: a jail that has both owns the host.
"""

from __future__ import annotations

import posix
import sys

_FLAG = "runjd-sealed"
_STEP = "seal the interpreter"
#: Variables that start so go along: those of the loader, and what we make use of. The others are the caller's affair:
#: what is not in our memory cannot be read there by a jail that has CAP_SYS_PTRACE.
_KEPT = (b"LD_", b"LISTEN_", b"NO_COLOR", b"PATH", b"RUNJ_", b"SOURCE_DATE_EPOCH")


def is_sealed(executable: str = "/proc/self/exe") -> bool:
    """Whether nobody can write to the file we run from, by the mount we reach it through."""
    return bool(posix.statvfs(executable).f_flag & posix.ST_RDONLY)


def seal() -> None:
    """
    Run from a read-only interpreter: starts the program over, once, where it does not yet.

    To be called first of all, by root on Linux, before anything is opened.  Where
    the interpreter lies on a read-only file system there is nothing to do.

    :raise RuntimeFailure: it cannot be.
    """
    if sys.platform != "linux" or posix.geteuid() != 0 or is_sealed():
        return
    if _FLAG in sys._xoptions:
        from runjd.errors import RuntimeFailure

        raise RuntimeFailure(_STEP, "it is still writable from a read-only mount")
    from runjd.kernel import mount as m

    executable = posix.readlink("/proc/self/exe")
    try:
        tree = m.copy_tree(executable, False)
        m.set_attributes(tree, m.MOUNT_ATTR_RDONLY, 0, m.MS_PRIVATE)
        # The flag stands behind argv[0], which says where the virtual environment is.
        kept = {name: value for name, value in posix.environ.items() if name.startswith(_KEPT)}
        posix.execve(tree, [sys.orig_argv[0], "-X", _FLAG, *sys.orig_argv[1:]], kept)
    except OSError as error:
        from runjd.runtime.failing import failure

        hint = "the program was replaced while it ran; start it again" if executable.endswith(" (deleted)") else ""
        raise failure(_STEP, error, hint=hint) from error
