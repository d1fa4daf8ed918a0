"""Which control groups a jail was given, as its record says."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from runjd.runtime.contract import Undo

#: action of the Undo that names the groups of a jail, that of the freezer first
GROUPS = "cgroup"
#: action of an Undo: the groups that were announced by the same target are not there after all
NO_GROUPS = "no_cgroup"
#: action of an Undo: remove the groups above those of the jail, where they are empty
PARENTS = "cgroup_parent"
#: action of an Undo: have systemd stop a scope, named by its unit and, in a line of its own, its description
SCOPE = "systemd_scope"
#: action of an Undo: systemd did not make the scope that was announced by the same target
NO_SCOPE = "no_systemd_scope"


def recorded(undo: Iterable[Undo]) -> tuple[str, ...]:
    """Return the groups that a jail was given."""
    targets: list[str] = []
    for each in undo:
        if each.action == GROUPS:
            targets.append(each.target)
        elif each.action == NO_GROUPS and each.target in targets:
            targets.remove(each.target)
    return tuple([directory for target in targets for directory in target.split("\n")])


def scopes_of(undo: Iterable[Undo]) -> tuple[tuple[str, str], ...]:
    """Return the scopes that systemd made for a jail, by unit and description."""
    told = [each for each in undo if each.action in (SCOPE, NO_SCOPE)]
    refused = {each.target for each in told if each.action == NO_SCOPE}
    made = [each.target for each in told if each.action == SCOPE and each.target not in refused]
    return tuple([(unit, description) for unit, _, description in [each.partition("\n") for each in made]])
