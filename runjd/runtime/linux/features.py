"""
The features document of the ``linux`` runtime: what it can apply, whatever the host has.

Specification: features.md and features-linux.md.  It "SHOULD be determined on the
compilation time of the runtime", so nothing of the host is looked at, and every
list is that of the code which applies it.
"""

from __future__ import annotations

from runjd.kernel.capabilities import NUMBERS as CAPABILITIES
from runjd.runtime.linux import syscall_filter
from runjd.runtime.linux.mounts import FLAGS, PROPAGATIONS, RECURSIVE
from runjd.runtime.linux.plan import FLAGS as NAMESPACES
from runjd.spec.model import PHASES
from runjd.spec.parse_seccomp import ARCHITECTURES
from runjd.spec.version import OLDEST, VERSION


def features() -> dict[str, object]:
    """Return the features document, as JSON values."""
    return {
        "ociVersionMin": OLDEST,
        "ociVersionMax": VERSION,
        "hooks": list(PHASES),
        "mountOptions": sorted({*FLAGS, *PROPAGATIONS, *RECURSIVE, "tmpcopyup"}),
        "linux": {
            "namespaces": sorted(NAMESPACES),
            "capabilities": list(CAPABILITIES),
            "cgroup": {"v1": True, "v2": True, "systemd": False, "systemdUser": False, "rdma": True},
            "seccomp": {
                "enabled": True,
                "actions": sorted(syscall_filter.ACTIONS),
                "operators": sorted(syscall_filter.OPERATORS),
                "archs": sorted(ARCHITECTURES),
                "knownFlags": list(syscall_filter.FLAGS),
                "supportedFlags": list(syscall_filter.FLAGS),
            },
            "apparmor": {"enabled": True},
            "selinux": {"enabled": True},
            "intelRdt": {"enabled": False},
            "mountExtensions": {"idmap": {"enabled": False}},
        },
    }
