"""
``linux.sysctl``: only parameters that a namespace keeps apart. Pure.

Any other would change the host.
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.runtime.linux.steps import SetSysctl

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_OF_IPC = frozenset(
    f"kernel/{name}" for name in ("msgmax", "msgmnb", "msgmni", "sem", "shmall", "shmmax", "shmmni", "shm_rmid_forced")
)
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@")


def plan_sysctl(name: str, value: str, namespaces: Mapping[str, str]) -> SetSysctl:
    """
    Return the step that sets one parameter.

    :param namespaces: type to path of those of the jail; an empty path is a new one. Of one that is
        joined only whoever joins it can tell whether it is the host's: see :func:`kept_apart`.
    :raise Unsupported: the parameter is the host's too.
    """
    where, file, needed = _resolve(name)
    if needed not in namespaces:
        raise Unsupported(where, f'needs the namespace {{"type": "{needed}"}}')
    return SetSysctl(name, value, file, where)


def kept_apart(names: Iterable[str]) -> dict[str, str]:
    """Return the types of namespaces that keep parameters apart, each with the JSON path of the first that needs it."""
    found: dict[str, str] = {}
    for name in names:
        where, _, needed = _resolve(name)
        found.setdefault(needed, where)
    return found


def _resolve(name: str) -> tuple[str, str, str]:
    """Return the JSON path of a parameter, its file, and the type of namespace that keeps it apart."""
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
    return where, file, needed


def sysctl_file(name: str) -> str:
    """Return the path below /proc/sys; the first separator says which one it is (sysctl(8))."""
    first = next((each for each in name if each in "./"), ".")
    if first == "/":
        return name
    return name.replace("/", "\0").replace(".", "/").replace("\0", ".")
