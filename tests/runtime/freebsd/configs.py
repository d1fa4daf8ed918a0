"""Configurations of FreeBSD jails for tests of plans."""

from __future__ import annotations

from runjd.spec.model import Config, FreeBSD, FreeBSDDevice, FreeBSDJail, Linux, Mount, Process, Root

SHELL = Process(("/bin/sh",))


def config(
    jail: FreeBSDJail | None = None,
    *mounts: Mount,
    devices: tuple[FreeBSDDevice, ...] = (),
    resources: dict[str, object] | None = None,
    annotations: tuple[tuple[str, str], ...] = (),
    hostname: str = "",
    domainname: str = "",
    readonly: bool = False,
    process: Process | None = SHELL,
) -> Config:
    """Return the configuration of a jail that runs a shell."""
    return Config(
        "1.3.0",
        root=Root("root", readonly),
        process=process,
        hostname=hostname,
        domainname=domainname,
        mounts=mounts,
        annotations=annotations,
        linux=None if resources is None else Linux(resources=resources),
        freebsd=None if jail is None and not devices else FreeBSD(devices, jail or FreeBSDJail()),
    )
