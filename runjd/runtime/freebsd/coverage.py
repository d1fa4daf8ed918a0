"""
What becomes of each property of the specification in a jail. Pure.

Nothing that is asked for is left out without a word, but for what tools write into every
bundle: see :mod:`runjd.runtime.freebsd.compatibility`.
"""

from __future__ import annotations

#: carried out
APPLIED = "applied"
#: an error that names it
REFUSED = "refused"
#: of Linux, and written by tools that do not know where the bundle will run
PASSED_OVER = "passed-over"

_JAIL = (
    "parent host ip4 ip4Addr ip6 ip6Addr vnet interface vnetInterfaces sysvmsg sysvsem sysvshm enforceStatfs "
    "allow.setHostname allow.rawSockets allow.chflags allow.mount allow.quotas allow.socketAf allow.mlock "
    "allow.reservedPorts allow.suser"
)
_PROCESS = (
    "terminal consoleSize.height consoleSize.width cwd env args user.uid user.gid user.umask user.additionalGids "
    "rlimits[].type rlimits[].soft rlimits[].hard noNewPrivileges oomScoreAdj"
)
_HOOKS = "prestart createRuntime createContainer startContainer poststart poststop"

_PROPERTIES = {
    APPLIED: (
        *("ociVersion", "root.path", "root.readonly", "hostname", "domainname", "annotations"),
        *[f"mounts[].{name}" for name in ("destination", "type", "source", "options")],
        *[f"process.{name}" for name in _PROCESS.split()],
        *[f"hooks.{name}" for name in _HOOKS.split()],
        *("freebsd.devices[].path", "freebsd.devices[].mode"),
        *[f"freebsd.jail.{name}" for name in _JAIL.split()],
    ),
    REFUSED: (
        *("mounts[].uidMappings", "mounts[].gidMappings"),
        *("process.scheduler", "process.ioPriority", "process.execCPUAffinity"),
        *("solaris", "vm", "windows", "zos"),
    ),
    # of linux.resources what has a meaning is applied
    PASSED_OVER: ("process.capabilities", "process.apparmorProfile", "process.selinuxLabel", "linux"),
}

#: JSON path to one of the words above
COVERAGE = {path: word for word, paths in _PROPERTIES.items() for path in paths}


def paths(word: str) -> tuple[str, ...]:
    """Return the properties of which a word is true."""
    return _PROPERTIES[word]
