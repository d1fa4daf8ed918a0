"""
``freebsd.jail`` to the parameters of jail_set(2). Pure.

Some combinations the kernel refuses without a word, or takes otherwise than one
would think; they are settled here:

- ``vnet``, even as ``inherit``, beside any ``ip4`` or ``ip6`` parameter is EINVAL, so it is
  passed only for a new one, and then without them;
- absent ``ip4`` and ``ip6`` mean no addresses at all, where engines that do not speak of
  the network want the host's: with none of them given both are inherited;
- absent ``host`` means an empty host name; with ``inherit`` root of the jail could rename
  the host, unless ``allow.set_hostname`` is taken away;
- absent ``sysv*`` mean none, the specification wants new ones.
"""

from __future__ import annotations

from runjd.errors import SpecError, Unsupported
from runjd.spec.addresses import packed
from runjd.spec.jail_annotations import ALLOW_FIELDS
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runjd.spec.model import Config, FreeBSDJail, JailAllow

#: enum jailsys of jail(2)
SHARING = {"disable": 0, "new": 1, "inherit": 2}
_SYSV = ("sysvmsg", "sysvsem", "sysvshm")
#: security.jail.jail_max_af_ips
_MOST_ADDRESSES = 255
#: bytes: MAXHOSTNAMELEN less the NUL
_LONGEST_NAME = 255
_JAIL = "freebsd.jail"


class Parameter(Value):
    """
    One parameter of a jail, by the kernel's name.

    :ivar value: a permission (bool), a number or an enum (int), a text, or addresses.
    :ivar path: JSON path of the property that asked for it, empty where the runtime does.
    """

    name: str
    value: bool | int | str | tuple[str, ...]
    path: str = ""


def plan_parameters(config: Config, jail: FreeBSDJail, name: str, root: str, ruleset: int) -> tuple[Parameter, ...]:
    """
    Return the parameters of a jail, in the order they are passed.

    :param jail: out of all sources, see :mod:`runjd.spec.jail_sources`.
    :param name: of the kernel's jail.
    :param root: absolute path.
    :param ruleset: of devfs, for what the jail may mount itself.
    :raise SpecError: two properties do not fit together.
    """
    return (
        Parameter("name", name),
        Parameter("path", root, "root.path"),
        Parameter("persist", True),
        *_host(config, jail),
        *_network(jail),
        *(Parameter(each, SHARING[getattr(jail, each) or "new"], f"{_JAIL}.{each}") for each in _SYSV),
        *_statfs(jail),
        *_allow(jail, ruleset, shares_hostname(config, jail)),
    )


def shares_hostname(config: Config, jail: FreeBSDJail) -> bool:
    """Whether the jail has the host's (or its parent's) names; it has its own where any is given."""
    return jail.host == "inherit" or not (jail.host or config.hostname or config.domainname)


def file_systems(jail: FreeBSDJail) -> tuple[str, ...]:
    """Return what the jail may mount: the kernel knows ``allow.mount.NAME`` only while NAME is loaded."""
    return tuple(dict.fromkeys(jail.allow.mount))


def _host(config: Config, jail: FreeBSDJail) -> Iterator[Parameter]:
    path = f"{_JAIL}.host"
    if shares_hostname(config, jail):
        for field in ("hostname", "domainname"):
            if getattr(config, field):
                raise SpecError(field, f'cannot be set while {path} is "inherit"; leave one of them out')
        yield Parameter("host", SHARING["inherit"], path)
        return
    yield Parameter("host", SHARING["new"], path)
    for field in ("hostname", "domainname"):
        name = getattr(config, field)
        if len(name.encode("utf-8", "surrogateescape")) > _LONGEST_NAME:
            raise SpecError(field, f"is longer than the {_LONGEST_NAME} bytes that a jail takes")
        if name:
            yield Parameter(f"host.{field}", name, field)


def _network(jail: FreeBSDJail) -> Iterator[Parameter]:
    if jail.vnet == "new":
        _check_own_network(jail)
        yield Parameter("vnet", SHARING["new"], f"{_JAIL}.vnet")
        return
    if jail.vnet_interfaces:
        raise SpecError(f"{_JAIL}.vnetInterfaces", f'needs {_JAIL}.vnet to be "new"')
    silent = not (jail.ip4 or jail.ip6 or jail.ip4_addr or jail.ip6_addr)
    for family, mode, addresses in (("ip4", jail.ip4, jail.ip4_addr), ("ip6", jail.ip6, jail.ip6_addr)):
        path = f"{_JAIL}.{family}"
        _check_addresses(f"{path}Addr", mode, addresses)
        if addresses:
            yield Parameter(family, SHARING["new"], path)
            yield Parameter(f"{family}.addr", addresses, f"{path}Addr")
        else:
            yield Parameter(family, SHARING[mode or ("inherit" if silent else "disable")], path)
    if jail.interface and not (jail.ip4_addr or jail.ip6_addr):
        raise SpecError(f"{_JAIL}.interface", "needs addresses to put there, in ip4Addr or ip6Addr")


def _check_own_network(jail: FreeBSDJail) -> None:
    for field, name in (("ip4_addr", "ip4Addr"), ("ip6_addr", "ip6Addr"), ("interface", "interface")):
        if getattr(jail, field):
            raise SpecError(
                f"{_JAIL}.{name}", "does not go with a new vnet, whose interfaces get their addresses inside of it"
            )
    for family in ("ip4", "ip6"):
        if getattr(jail, family) not in ("", "new"):
            raise Unsupported(f"{_JAIL}.{family}", f'"{getattr(jail, family)}" does not go with a new vnet')
    repeated = _repeated(jail.vnet_interfaces)
    if repeated >= 0:
        raise SpecError(f"{_JAIL}.vnetInterfaces[{repeated}]", f"{jail.vnet_interfaces[repeated]} is there twice")


def _check_addresses(path: str, mode: str, addresses: tuple[str, ...]) -> None:
    if addresses and mode == "disable":
        raise SpecError(path, f'does not go with {path.removesuffix("Addr")} "disable"')
    if len(addresses) > _MOST_ADDRESSES:
        raise SpecError(path, f"has {len(addresses)} addresses; a jail takes {_MOST_ADDRESSES}")
    repeated = _repeated([packed(each) for each in addresses])
    if repeated >= 0:
        raise SpecError(f"{path}[{repeated}]", f"{addresses[repeated]} is there twice")


def _repeated(values: Sequence[object]) -> int:
    return next((n for n, each in enumerate(values) if each in values[:n]), -1)


def _statfs(jail: FreeBSDJail) -> Iterator[Parameter]:
    if jail.enforce_statfs is not None:
        yield Parameter("enforce_statfs", jail.enforce_statfs, f"{_JAIL}.enforceStatfs")


def _allow(jail: FreeBSDJail, ruleset: int, shares_name: bool) -> Iterator[Parameter]:
    allow = jail.allow
    for name, field in ALLOW_FIELDS.items():
        granted = getattr(allow, field)
        if granted is not None:
            yield Parameter(f"allow.{name}", granted, f"{_JAIL}.allow.{_camel(field)}")
        elif name == "set_hostname" and shares_name:
            yield Parameter("allow.set_hostname", False)
    yield from _allow_mount(allow, jail, ruleset)
    for name, granted in allow.others:
        yield Parameter(f"allow.{name}", granted, f'annotations["org.freebsd.jail.allow.{name}"]')


def _allow_mount(allow: JailAllow, jail: FreeBSDJail, ruleset: int) -> Iterator[Parameter]:
    kinds = file_systems(jail)
    if not kinds:
        return
    yield Parameter("allow.mount", True, f"{_JAIL}.allow.mount")
    for index, kind in enumerate(allow.mount):
        if kind not in allow.mount[:index]:
            yield Parameter(f"allow.mount.{kind}", True, f"{_JAIL}.allow.mount[{index}]")
    if "devfs" in kinds:
        # what it mounts itself would show every device otherwise
        yield Parameter("devfs_ruleset", ruleset)


def _camel(field: str) -> str:
    first, *others = field.split("_")
    return first + "".join(each.capitalize() for each in others)
