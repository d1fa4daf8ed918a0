"""
What a FreeBSD host has of what jails may need, and how to get the rest.

Nothing is changed: a module that is not loaded and could be is only told.
"""

from __future__ import annotations

import os

from runjd.runtime.findings import BAD, GOOD, LACKING, Finding
from runjd.runtime.freebsd.limits import RACCT_ADVICE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.kernel.freebsd.kernel import FreeBSDKernel

#: file systems of bundles; the first three are in nearly every one
_NEEDED = ("nullfs", "tmpfs", "devfs")
_OTHERS = ("fdescfs", "procfs", "linprocfs", "linsysfs")
#: of /etc/defaults/devfs.rules
_RULESETS = {1: "devfsrules_hide_all", 2: "devfsrules_unhide_basic", 3: "devfsrules_unhide_login", 4: "devfsrules_jail"}
_VNET_RULESET = 5
_OLDEST = 1300000
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


class Checks:
    """
    Looks at a host.

    :param uid: who we are.
    """

    def __init__(self, kernel: FreeBSDKernel, uid: int) -> None:
        self._kernel = kernel
        self._uid = uid

    def run(self) -> Iterator[Finding]:
        """Yield what was found, the most important first."""
        yield self._user()
        yield self._release()
        yield self._jails()
        yield from self._file_systems()
        yield self._rulesets()
        yield self._racct()
        yield self._vnet()

    def _user(self) -> Finding:
        if self._uid == 0:
            return Finding("user", GOOD, "root")
        return Finding("user", BAD, f"user {self._uid} cannot make jails", "try as root")

    def _release(self) -> Finding:
        found = self._kernel.sysctl_number("kern.osreldate")
        text = f"FreeBSD {found // 100000}.{found // 1000 % 100}"
        if found < _OLDEST:
            return Finding("release", LACKING, f"{text}: jails were tried on 13.2 and newer", "upgrade")
        return Finding("release", GOOD, text)

    def _jails(self) -> Finding:
        """Look whether we are in a jail ourselves, which may not have children."""
        try:
            if not self._kernel.sysctl_number("security.jail.jailed"):
                return Finding("jails", GOOD, "this is the host")
            most = self._kernel.sysctl_number("security.jail.children.max")
        except FileNotFoundError:
            return Finding("jails", GOOD, "this is the host")
        if most:
            return Finding("jails", LACKING, f"this is a jail, which may have {most} children", "")
        return Finding("jails", BAD, "this is a jail, which may have no children", "set its children.max")

    def _file_systems(self) -> Iterator[Finding]:
        for names, level in ((_NEEDED, BAD), (_OTHERS, LACKING)):
            missing = [name for name in names if not self._kernel.has_module(name)]
            subject = f"file systems {', '.join(names)}"
            if not missing:
                yield Finding(subject, GOOD, "there")
                continue
            advice = f'they are loaded when they are needed; at boot by kld_list="{" ".join(missing)}" in /etc/rc.conf'
            yield Finding(subject, level if self._uid else LACKING, f"not loaded: {', '.join(missing)}", advice)

    def _rulesets(self) -> Finding:
        subject = "devfs rulesets"
        advice = "service devfs restart, with devfs_load_rulesets=YES in /etc/rc.conf"
        try:
            directory = self._kernel.open("/dev", _DIRECTORY)
            try:
                loaded = self._kernel.rulesets(directory)
            finally:
                self._kernel.close(directory)
        except OSError as error:
            return Finding(
                subject, BAD, f"/dev cannot be asked: {error.strerror}", "mount devfs on /dev, and try as root"
            )
        missing = [f"{number} ({name})" for number, name in _RULESETS.items() if number not in loaded]
        if missing:
            text = (
                f"not loaded: {', '.join(missing)}; a jail that asks for one is refused, as it would see every device"
            )
            return Finding(subject, BAD, text, advice)
        if _VNET_RULESET not in loaded:
            return Finding(subject, LACKING, f"{_VNET_RULESET} (devfsrules_jail_vnet) is not loaded", advice)
        return Finding(subject, GOOD, f"loaded: {', '.join(map(str, loaded))}")

    def _racct(self) -> Finding:
        subject = "resource limits"
        try:
            enabled = self._kernel.sysctl_number("kern.racct.enable")
        except FileNotFoundError:
            return Finding(subject, LACKING, "this kernel has no RACCT", "boot a GENERIC kernel")
        if enabled:
            return Finding(subject, GOOD, "kern.racct.enable is 1")
        return Finding(subject, LACKING, "kern.racct.enable is 0: a jail with limits is refused", RACCT_ADVICE)

    def _vnet(self) -> Finding:
        subject = "networks of jails"
        try:
            has_vimage = self._kernel.sysctl_number("kern.features.vimage")
        except FileNotFoundError:
            has_vimage = 0
        if not has_vimage:
            return Finding(subject, LACKING, "this kernel has no VIMAGE: vnet cannot be new", "boot a GENERIC kernel")
        if not self._kernel.has_module("if_epair"):
            return Finding(subject, LACKING, "vnet is there, epair(4) is not loaded", "kldload if_epair")
        return Finding(subject, GOOD, "vnet and epair(4) are there")
