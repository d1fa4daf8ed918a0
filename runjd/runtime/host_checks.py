"""What every host must have, and the checks of this platform."""

from __future__ import annotations

import os
import resource
import stat
import sys
import time

from runjd.kernel.timekeeping import is_synchronised
from runjd.runtime.findings import BAD, GOOD, LACKING, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: each jail takes about four descriptors of the keeper, and four of the daemon
_FOR_A_JAIL = 4
_FOR_US = 64
_FEW_JAILS = 250
#: seconds since the epoch; it was later when this was written
_RELEASED = 1_760_000_000


def check_host(directories: Iterable[str]) -> Iterator[Finding]:
    """
    Yield what was found on this host.

    :param directories: those that we will use, absolute.
    """
    if sys.platform == "linux":
        from runjd.runtime.linux import checks

        yield from checks.Checks(os.geteuid(), os.uname().release, "/proc", "/sys/fs/cgroup", _can_load).run()
    elif sys.platform.startswith("freebsd"):
        from runjd.kernel.freebsd.kernel import FreeBSDKernel
        from runjd.runtime.freebsd.checks import Checks

        yield from Checks(FreeBSDKernel(), os.geteuid()).run()
    for each in directories:
        yield check_directory(each, os.geteuid())
    yield check_descriptors(resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    yield check_clock(time.time(), is_synchronised)


def check_directory(path: str, uid: int) -> Finding:
    """Look at a directory that is to be ours alone to write to, or can be made."""
    subject = f"directory {path}"
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        above = os.path.dirname(path)
        while not os.path.exists(above):
            above = os.path.dirname(above)
        if os.access(above, os.W_OK | os.X_OK):
            return Finding(subject, GOOD, "will be made")
        return Finding(subject, BAD, f"cannot be made in {above}", "try as root, or name another one")
    except OSError as error:
        return Finding(subject, BAD, os.strerror(error.errno or 0).lower(), "name another one")
    if not stat.S_ISDIR(found.st_mode):
        return Finding(subject, BAD, "is a symbolic link or no directory", "move it away, or name another one")
    if found.st_uid not in (0, uid):
        return Finding(subject, BAD, f"belongs to user {found.st_uid}", f"chown it to {uid}")
    if stat.S_IMODE(found.st_mode) & 0o022:
        return Finding(subject, BAD, f"has mode {stat.S_IMODE(found.st_mode):04o}", f"chmod go-w {path}")
    if not os.access(path, os.W_OK | os.X_OK):
        return Finding(subject, BAD, "cannot be written to", "try as root, or name another one")
    return Finding(subject, GOOD, f"is there, mode {stat.S_IMODE(found.st_mode):04o}")


def check_descriptors(most: int) -> Finding:
    """
    Look how many jails the limit of descriptors leaves room for.

    :param most: the hard limit; the soft one is raised to it.
    """
    if most < 0 or most >= 1 << 40:
        return Finding("descriptors", GOOD, "no limit")
    jails = max(0, (most - _FOR_US) // _FOR_A_JAIL)
    text = f"{most}, which is enough for about {jails} jails"
    if jails < _FEW_JAILS:
        return Finding("descriptors", LACKING, text, "raise the hard limit (ulimit -Hn, login.conf, LimitNOFILE=)")
    return Finding("descriptors", GOOD, text)


def check_clock(now: float, is_kept: Callable[[], bool]) -> Finding:
    """
    Look whether the clock can be believed: times of logs and certificates depend on it.

    :param now: seconds since the epoch.
    :param is_kept: asks the kernel whether something keeps it.
    """
    shown = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < _RELEASED:
        return Finding("clock", BAD, f"says {shown}, which is long ago", "set it, and have something keep it")
    try:
        kept = is_kept()
    except OSError as error:
        return Finding(
            "clock", LACKING, f"says {shown}; the kernel does not tell if something keeps it: {error.strerror}"
        )
    if kept:
        return Finding("clock", GOOD, f"says {shown}, and is kept")
    advice = "run chrony, ntpd or systemd-timesyncd, unless the host of this machine keeps it"
    return Finding("clock", LACKING, f"says {shown}, and nothing keeps it", advice)


def _can_load(name: str) -> bool:
    import ctypes

    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True
