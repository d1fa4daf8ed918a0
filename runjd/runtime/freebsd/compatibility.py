"""
The rule for bundles that were written with Linux in mind. Pure.

Tools that make images and engines write some things into every bundle, whatever it
runs on.  So that these work as they are:

- ``linux``, with its namespaces, devices, masked paths and seccomp filter, and
  ``process.capabilities``, ``apparmorProfile`` and ``selinuxLabel`` have no meaning
  here and are passed over; of ``linux.resources`` what rctl(8) knows is applied;
- a mount of a file system that only Linux has (proc, sysfs, cgroup, mqueue, devpts) is
  left out where every Linux container has it, as is the tmpfs on ``/dev/shm``; the tmpfs
  that Linux has on ``/dev`` becomes a devfs with the ruleset of jails;
- anywhere else such a mount is an error, because somebody wanted it there.
"""

from __future__ import annotations

from runjd.spec.model import Mount
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import Config

#: destination to the file systems that Linux has there by default
_USUAL = {
    "/proc": ("proc",),
    "/dev/pts": ("devpts",),
    "/dev/shm": ("tmpfs",),
    "/dev/mqueue": ("mqueue",),
    "/sys": ("sysfs",),
    "/sys/fs/cgroup": ("cgroup", "cgroup2"),
    "/run": ("tmpfs",),
}
#: the /run that containerd gives to Linux; another tmpfs there was meant
_USUAL_RUN = frozenset(["nosuid", "strictatime", "mode=755", "size=65536k"])
#: devfs(8): what a jail usually sees, of /etc/defaults/devfs.rules
JAIL_RULESET = 4


class Adapted(Value):
    """The mounts that are meant, each with its place in ``mounts``, and what was left out."""

    mounts: tuple[tuple[int, Mount], ...]
    left_out: tuple[str, ...]


def adapt_mounts(config: Config) -> Adapted:
    """Return the mounts of a bundle without those that every Linux container has."""
    kept: list[tuple[int, Mount]] = []
    left_out: list[str] = []
    for index, mount in enumerate(config.mounts):
        if _is_linux_dev(mount):
            kept.append((index, Mount(mount.destination, "devfs", "devfs", (f"ruleset={JAIL_RULESET}",))))
        elif _is_usual(mount):
            left_out.append(f"{mount.type} on {mount.destination}")
        else:
            kept.append((index, mount))
    return Adapted(tuple(kept), tuple(left_out))


def _is_linux_dev(mount: Mount) -> bool:
    return mount.type == "tmpfs" and mount.destination.rstrip("/") == "/dev"


def _is_usual(mount: Mount) -> bool:
    destination = mount.destination.rstrip("/")
    if mount.type not in _USUAL.get(destination, ()):
        return False
    return destination != "/run" or frozenset(mount.options) == _USUAL_RUN
