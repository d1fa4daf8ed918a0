"""
``linux.sysctl``: only parameters that a namespace keeps apart. Pure.

Any other would change the host.
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.runtime.linux.steps import SetSysctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_IPC = frozenset(
    f"kernel/{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@")


def plan_sysctl(name: str, value: str, namespaces: Mapping[str, str]) -> SetSysctl:
    """
    Return the step that sets one parameter.

    :param namespaces: type to path of those of the jail; an empty path is a new one.
    :raise Unsupported: the parameter is the host's too.
    """
    where = f"linux.sysctl.{name}"
    file = sysctl_file(name)
    parts = file.split("/")
    if not _ALLOWED.issuperset(file) or any(part in ("", ".", "..") for part in parts):
        raise SpecError(where, "is no name of a kernel parameter")
    if file in _OF_IPC or file.startswith("fs/mqueue/"):
        needed = "ipc"
    elif file.startswith("net/"):
        needed = "network"
    elif file == "kernel/domainname":
        needed = "uts"
    else:
        raise Unsupported(where, "is not kept apart by a namespace: it would change the host")
    if namespaces.get(needed) != "":
        raise Unsupported(where, f'needs a new namespace {{"type": "{needed}"}}')
    return SetSysctl(name, value, file, where)


def sysctl_file(name: str) -> str:
    """Return the path below /proc/sys; the first separator says which one it is (sysctl(8))."""
    first = next((each for each in name if each in "./"), ".")
    if first == "/":
        return name
    return name.replace("/", "\0").replace(".", "/").replace("\0", ".")
