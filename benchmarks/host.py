"""
The machine that is measured: what it has to be, what it is, and a directory on it.

crun 1.8 refuses hybrid control groups, so a benchmark that calls it goes into a mount
namespace of its own, where /sys/fs/cgroup/unified is unmounted.
"""

import contextlib
import ctypes
import os
import platform
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator

_CLONE_NEWNS, _MS_REC_PRIVATE, _MNT_DETACH = 0x20000, 0x4000 | 0x40000, 2


def require_root() -> None:
    """
    Go on as root on Linux only.

    :raise SystemExit: this is somebody, or something, else.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise SystemExit("The benchmark needs root on Linux.")


def leave_hybrid_cgroups() -> None:
    """Go into a mount namespace of our own without the half of the cgroups that crun stumbles over."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) != 0 or libc.mount(None, b"/", None, _MS_REC_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "no mount namespace")
    libc.umount2(b"/sys/fs/cgroup/unified", _MNT_DETACH)


def clean_up_when_told_to_end() -> None:
    """Have SIGTERM, as of timeout(1), end this program as SIGINT does: what it started is ended, too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@contextlib.contextmanager
def work_directory(parent: str = "/tmp") -> Iterator[str]:
    """Yield a directory that is gone afterwards, but for what is mounted below it."""
    directory = tempfile.mkdtemp(prefix="runjd-bench-", dir=parent)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def open_many_files() -> None:
    """Let this process, and what it starts, have as many descriptors as the machine grants."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def facts() -> dict[str, object]:
    """Return what a reader of the figures has to know of the machine."""
    return {
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "system": _release(),
        "kernel": platform.release(),
        "machine": platform.machine(),
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_MiB": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20,
        "python": platform.python_version(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }


def _release() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _processor() -> str:
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    return names[0] if names else "unknown"
