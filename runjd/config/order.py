"""Jails that name others: whether those are there, and whether an order exists."""

from __future__ import annotations

from difflib import get_close_matches

from runjd.policy.order import UnknownName, problems
from runjd.policy.settings import Settings
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from runjd.config.faults import Faults
    from runjd.config.locate import Path
    from runjd.config.model import ConfiguredJail

#: to look for the nearest name among thousands takes milliseconds
_HINTS = 50
#: names of a cycle that are shown
_SHOWN = 20


def check_order(jails: Mapping[str, ConfiguredJail], of: Mapping[str, Faults]) -> None:
    """
    Note each name in requires and after that no jail has, and each cycle.

    :param of: where to note what is wrong with a jail; also of those that could not be read, which are
        known as names.
    """
    rules = {id: jails[id].settings if id in jails else Settings() for id in of}
    hints = _HINTS
    for each in problems(rules):
        if isinstance(each, UnknownName):
            near = get_close_matches(each.name, rules, n=1) if hints > 0 else []
            hints -= 1
            hint = f'; did you mean "{near[0]}"?' if near else ""
            of[each.jail].add(_place(each.jail, each.name, rules), f"no jail named {quoted(each.name)}{hint}")
            continue
        first, second = each.path[0], each.path[1]
        shown = [*each.path] if len(each.path) <= _SHOWN else [*each.path[:_SHOWN], "...", first]
        of[first].add(_place(first, second, rules), f"is a cycle, so none could be first: {' -> '.join(shown)}")


def _place(jail: str, name: str, rules: Mapping[str, Settings]) -> Path:
    settings = rules[jail]
    key, names = ("requires", settings.requires) if name in settings.requires else ("after", settings.after)
    return ("jail", jail, key, names.index(name))
