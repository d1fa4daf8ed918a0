"""
The runtimes by name.

Each is loaded when it is asked for: ``runj state`` need not know how to mount.
"""

from __future__ import annotations

import os
import sys

from runjd.errors import BadArgument

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.runtime.contract import Runtime, Warden


def runtimes(
    *, pivots: bool = True, new_keyring: bool = True, scopes: bool = False
) -> dict[str, Callable[[], Runtime]]:
    """
    Return how to make each runtime: what :class:`runjd.container.operations.Operations` wants.

    :param pivots: False: move the root over that of the host instead, for a root that is no mount (initramfs).
    :param new_keyring: False: let a program have the session keyring that we were started in.
    :param scopes: True: have systemd make the control groups, as scopes (``linux.cgroupsPath`` is slice:prefix:name).
    """

    def linux() -> Runtime:
        from runjd.runtime.linux.runtime import LinuxRuntime

        if not scopes:
            return LinuxRuntime(pivots=pivots, new_keyring=new_keyring)
        from runjd.runtime.linux.scope.bus import ask
        from runjd.runtime.linux.scope.making import Scopes

        return LinuxRuntime(pivots=pivots, new_keyring=new_keyring, scopes=Scopes(ask))

    def freebsd() -> Runtime:
        from runjd.runtime.freebsd.extension import read_extension
        from runjd.runtime.freebsd.runtime import FreeBSDRuntime

        return FreeBSDRuntime(read_extension)

    def plain() -> Runtime:
        from runjd.runtime.plain import PlainRuntime

        return PlainRuntime(new_keyring=new_keyring)

    return {"freebsd": freebsd, "linux": linux, "plain": plain}


def wardens() -> dict[str, Callable[[], Warden]]:
    """Return how to make of each runtime what ends jails, which loads less than the whole."""

    def linux() -> Warden:
        from runjd.runtime.linux.warden import LinuxWarden

        return LinuxWarden()

    return {**RUNTIMES, "linux": linux}


RUNTIMES = runtimes()


def available(platform: str = sys.platform) -> tuple[str, ...]:
    """Return the names of the runtimes that make sense on a platform."""
    return (_isolated(platform), "plain") if _isolated(platform) else ("plain",)


def default(platform: str = sys.platform, uid: int | None = None) -> str:
    """Return the runtime that is used when none is named: isolated where we may."""
    user = os.geteuid() if uid is None else uid
    return _isolated(platform) or "plain" if user == 0 else "plain"


def chosen(name: str, platform: str = sys.platform) -> str:
    """
    Return the name of the runtime that is meant.

    :param name: empty for the default of this host.
    :raise BadArgument: there is no such runtime here.
    """
    known = available(platform)
    if name and name not in known:
        reason = f"is not supported on {platform}" if name in RUNTIMES else "is unknown"
        raise BadArgument(f'the runtime "{name}" {reason}; there are {", ".join(known)}', runtime=name)
    return name or default(platform)


def choose(name: str) -> Runtime:
    """Return a runtime by its name, see :func:`chosen`."""
    return RUNTIMES[chosen(name)]()


def _isolated(platform: str) -> str:
    """Return the runtime that isolates on a platform, empty where there is none."""
    if platform == "linux":
        return "linux"
    return "freebsd" if platform.startswith("freebsd") else ""
