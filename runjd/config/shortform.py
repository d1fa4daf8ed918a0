"""
The ``config.json`` of a jail that has no bundle. Pure.

It is what ``runj spec`` shows, with what the jail asks for.
"""

from __future__ import annotations

from runjd.config.jailkinds import split_mount
from runjd.config.limits import limit
from runjd.spec import example

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runjd.config.model import ShortForm

#: the longest host name of Linux, sethostname(2)
_HOSTNAME_MAX = 64


def config_of(id: str, short: ShortForm, runtime: str) -> dict[str, object]:
    """
    Return the document.

    :param runtime: its name: what it can apply is asked for, and what it cannot apply only where the jail does.
    """
    make = {"linux": _linux, "freebsd": _freebsd}.get(runtime, _plain)
    config = make(id, short)
    limit(config, short.limits)
    return config


def _linux(id: str, short: ShortForm) -> dict[str, object]:
    return example.minimal_config(
        short.command,
        **_isolated(id, short),
        namespaces=[each for each in example.NAMESPACES if each != "network" or short.network != "host"],
        mounts=[_mount(each, "bind", ("rbind",)) for each in short.mounts],
    )


def _freebsd(id: str, short: ShortForm) -> dict[str, object]:
    return example.freebsd_config(
        short.command,
        **_isolated(id, short),
        jail=_network(short),
        mounts=[_mount(each, "nullfs", ()) for each in short.mounts],
    )


def _plain(id: str, short: ShortForm) -> dict[str, object]:
    config = example.plain_config(short.command, **_process(short))
    if short.hostname:
        config["hostname"] = short.hostname
    if short.mounts:
        config["mounts"] = [_mount(each, "bind", ("rbind",)) for each in short.mounts]
    return config


def _isolated(id: str, short: ShortForm) -> dict[str, Any]:
    """Return what a jail has that is a host to what runs in it."""
    return {**_process(short), "readonly": short.readonly, "hostname": short.hostname or id[:_HOSTNAME_MAX]}


def _process(short: ShortForm) -> dict[str, Any]:
    uid, gid = short.user
    terminal, cwd = short.terminal, short.cwd
    return {"root": short.root, "terminal": terminal, "env": _env(short), "cwd": cwd, "uid": uid, "gid": gid}


def _env(short: ShortForm) -> list[str]:
    return [f"{name}={value}" for name, value in short.environment]


def _mount(text: str, bind: str, needed: tuple[str, ...]) -> dict[str, object]:
    source, target, options = split_mount(text)
    if source == "tmpfs":
        return {"destination": target, "type": "tmpfs", "source": "tmpfs", "options": list(options)}
    return {"destination": target, "type": bind, "source": source, "options": [*needed, *options]}


def _network(short: ShortForm) -> dict[str, object]:
    if short.network == "host":
        return {"ip4": "inherit", "ip6": "inherit"}
    found: dict[str, object] = {}
    for family, colon in (("ip4", False), ("ip6", True)):
        addresses = [each for each in short.addresses if (":" in each) is colon]
        if addresses:
            found[f"{family}Addr"] = addresses
        else:
            found[family] = "disable"
    if short.interface and short.addresses:
        found["interface"] = short.interface
    return found
