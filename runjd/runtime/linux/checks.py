"""What a Linux host has of what jails may need, and how to get the rest."""

from __future__ import annotations

import errno
import os

from runjd.kernel.release import numbers_of
from runjd.runtime.findings import BAD, GOOD, LACKING, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: mount_setattr(2)
_OLDEST = (5, 12)
_NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "uts")
_CONTROLLERS = ("cpu", "memory", "pids")
_FILTERS = "libseccomp.so.2"


class Checks:
    """
    Looks at a host.

    :param uid: who we are.
    :param release: of the kernel, as uname(1) -r says.
    :param proc: where the host's procfs is.
    :param groups: where control groups are mounted.
    :param can_load: whether a library can be loaded.
    """

    def __init__(self, uid: int, release: str, proc: str, groups: str, can_load: Callable[[str], bool]) -> None:
        self._uid = uid
        self._release = release
        self._proc = proc
        self._groups = groups
        self._can_load = can_load

    def run(self) -> Iterator[Finding]:
        """Yield what was found, the most important first."""
        yield self._user()
        yield self._kernel()
        yield self._namespaces()
        yield self._users()
        yield self._control_groups()
        yield self._filters()

    def _user(self) -> Finding:
        if self._uid == 0:
            return Finding("user", GOOD, "root")
        advice = "try as root; without, jails run by the plain runtime, which isolates nothing"
        return Finding("user", BAD, f"user {self._uid} cannot make namespaces", advice)

    def _kernel(self) -> Finding:
        text = f"Linux {self._release}"
        if numbers_of(self._release) < _OLDEST:
            return Finding("kernel", BAD, f"{text} has no mount_setattr(2)", "upgrade to 5.12 or later")
        return Finding("kernel", GOOD, text)

    def _namespaces(self) -> Finding:
        missing = [name for name in _NAMESPACES if not os.path.exists(f"{self._proc}/self/ns/{name}")]
        if missing:
            return Finding("namespaces", BAD, f"the kernel lacks {', '.join(missing)}", "boot a kernel that has them")
        return Finding("namespaces", GOOD, ", ".join(_NAMESPACES))

    def _users(self) -> Finding:
        """Look at user namespaces, which no jail has; those of others do not harm."""
        try:
            with open(f"{self._proc}/sys/user/max_user_namespaces", encoding="ascii") as file:
                most = int(file.read())
        except (OSError, ValueError):
            most = 0
        text = f"at most {most}" if most else "none"
        return Finding("user namespaces", GOOD, f"{text}; a jail that asks for one is refused in any case")

    def _control_groups(self) -> Finding:
        subject = "control groups"
        found = sorted(self._controllers())
        missing = [name for name in _CONTROLLERS if name not in found]
        if not missing:
            return Finding(subject, GOOD, ", ".join(found))
        text = f"no controller for {', '.join(missing)}: a jail with such a limit is refused"
        return Finding(subject, LACKING, text, f"mount them at {self._groups}, or delegate them to us")

    def _controllers(self) -> set[str]:
        try:
            with open(f"{self._groups}/cgroup.controllers", encoding="ascii") as file:
                return set(file.read().split())
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.ENOTDIR:
                raise
        try:
            return {part for name in os.listdir(self._groups) for part in name.split(",")}
        except OSError:
            return set()

    def _filters(self) -> Finding:
        if self._can_load(_FILTERS):
            return Finding("system call filters", GOOD, _FILTERS)
        text = f"{_FILTERS} is not there: a jail with linux.seccomp is refused"
        return Finding("system call filters", LACKING, text, "install libseccomp2 (Debian) or libseccomp")
