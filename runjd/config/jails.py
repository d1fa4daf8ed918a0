"""The table of a jail, and that of the defaults."""

from __future__ import annotations

from runjd.config.jailkeys import BUNDLE, JAIL, ORDER, OWN, RUN, SETTINGS, SHORT
from runjd.config.kinds import hint
from runjd.config.model import DEFAULTS as SETTINGS_OF_A_JAIL
from runjd.config.model import ConfiguredJail, Overrides, ShortForm
from runjd.config.sections import mismatch, read_keys, refuse_unknown
from runjd.errors import BadArgument
from runjd.policy.settings import Settings
from runjd.spec.ids import check_id
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runjd.config.faults import Faults
    from runjd.config.locate import Path
    from runjd.config.sections import Key

_OVERRIDES = ("environment", "limits")
_OWN_NAMES = tuple([key.name for key in (*OWN, *SHORT) if key.name not in _OVERRIDES])
_NAMES = tuple([key.name for key in JAIL])


class Base(Value):
    """What all jails have in common, where they do not say otherwise."""

    settings: Settings = SETTINGS_OF_A_JAIL
    short: ShortForm = ShortForm()
    jail: ConfiguredJail = ConfiguredJail("", "")


class Host(Value):
    """
    What can be asked for here.

    :ivar runtimes: their names; empty: any.
    """

    platform: str
    runtimes: tuple[str, ...] = ()


def read_defaults(table: dict[str, object], host: Host, faults: Faults) -> Base:
    """Return the base that the table of the defaults describes."""
    path = ("defaults",)
    base = Base()
    check_runtime(table, host, path, faults)
    return Base(
        read_keys(SETTINGS, table, base.settings, path, faults),
        _read_short(SHORT, table, base.short, path, host, faults),
        read_keys(RUN, table, base.jail, path, faults),
    )


def check_runtime(table: Mapping[str, object], host: Host, path: Path, faults: Faults) -> None:
    """Note a runtime that there is not here."""
    name = table.get("runtime")
    if host.runtimes and isinstance(name, str) and name and name not in host.runtimes:
        expected = f"one of {', '.join(host.runtimes)}"
        faults.add((*path, "runtime"), mismatch(name, expected, hint(name, host.runtimes)))


def read_jail(id: str, table: object, base: Base, host: Host, faults: Faults) -> ConfiguredJail | None:
    """
    Return the jail that a table describes; None where it is no table.

    What is wrong with it is noted, and stays as it is in the base.
    """
    path = ("jail", id)
    try:
        check_id(id)
    except BadArgument as error:
        faults.add(path, error.message)
    if not isinstance(table, dict):
        faults.add(path, mismatch(table, f"a table, as [jail.{id[:40]}]"))
        return None
    refuse_unknown(table, _NAMES, path, faults)
    jail = base.jail._replace(id=id, file=faults.file)
    jail = read_keys((*BUNDLE, *RUN), table, jail, path, faults)
    check_runtime(table, host, path, faults)
    settings = read_keys((*ORDER, *SETTINGS), table, base.settings, path, faults)
    if "bundle" in table:
        for name in _OWN_NAMES:
            if name in table:
                faults.add((*path, name), "does not go with bundle, whose config.json says it")
        keys = [key for key in SHORT if key.name in _OVERRIDES]
        short = _read_short(keys, table, base.short, path, host, faults)
        overrides = Overrides(short.environment, short.limits)
        return jail._replace(settings=settings, overrides=overrides)
    missing = [name for name in ("root", "command") if name not in table]
    if len(missing) == 2:
        faults.add(path, "needs bundle, or root and command")
    elif missing:
        faults.add(path, f"needs {missing[0]} too")
    short = _read_short((*OWN, *SHORT), table, base.short, path, host, faults)
    return jail._replace(settings=settings, short=short)


def _read_short(
    keys: Sequence[Key], table: Mapping[str, object], base: ShortForm, path: Path, host: Host, faults: Faults
) -> ShortForm:
    short = read_keys(keys, table, base, path, faults)
    if short.environment is not base.environment:
        short = short._replace(environment=tuple({**dict(base.environment), **dict(short.environment)}.items()))
    if short.network == "addresses" and not host.platform.startswith("freebsd") and "network" in table:
        faults.add((*path, "network"), "addresses are for FreeBSD; here there is none and host")
    return short
