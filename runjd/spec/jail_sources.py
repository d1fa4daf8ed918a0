"""
Where the properties of a FreeBSD jail come from, and which source counts. Pure.

From the strongest to the weakest:

1. ``runj.ext.json``: its modes replace, its lists are added to those of ``freebsd.jail``
   (runj's own rule);
2. ``freebsd.jail`` of ``config.json`` (config-freebsd.md);
3. the ``org.freebsd.jail.*`` annotations, which only say what neither of them says.
"""

from __future__ import annotations

from runjd.spec.jail_annotations import read_annotations
from runjd.spec.model import FreeBSDJail
from runjd.spec.reader import Faults
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.spec.model import Config, JailAllow

_MODES = ("ip4", "ip6", "vnet")
_LISTS = ("ip4_addr", "ip6_addr", "vnet_interfaces")


class Described(Value):
    """One description of a jail out of all its sources, and what is to be told about them."""

    jail: FreeBSDJail
    notices: tuple[str, ...] = ()


def describe(config: Config, extension: FreeBSDJail | None = None, file: str = "") -> Described:
    """
    Return the one description of the jail.

    :param extension: what ``runj.ext.json`` says; None where there is none.
    :param file: where the configuration was read from, for errors.
    :raise SpecError: an annotation makes no sense.
    """
    faults = Faults()
    annotated = read_annotations(config.annotations, faults)
    faults.check(file)
    jail = config.freebsd.jail if config.freebsd else FreeBSDJail()
    jail = _fill(jail, annotated.jail)
    if extension is not None:
        jail = _override(jail, extension)
    return Described(jail, annotated.notices)


def _override(jail: FreeBSDJail, extension: FreeBSDJail) -> FreeBSDJail:
    changed: dict[str, object] = {name: value for name in _MODES if (value := getattr(extension, name))}
    for name in _LISTS:
        added = tuple(each for each in getattr(extension, name) if each not in getattr(jail, name))
        changed[name] = getattr(jail, name) + added
    return jail._replace(**changed)  # type: ignore[arg-type]


def _fill(jail: FreeBSDJail, weaker: FreeBSDJail) -> FreeBSDJail:
    missing = {
        name: value
        for name, value in weaker._asdict().items()
        if name != "allow" and not getattr(jail, name) and getattr(jail, name) != 0
    }
    return jail._replace(**missing, allow=_fill_allow(jail.allow, weaker.allow))


def _fill_allow(allow: JailAllow, weaker: JailAllow) -> JailAllow:
    missing = {name: value for name, value in weaker._asdict().items() if getattr(allow, name) in (None, ())}
    return allow._replace(**missing)
