"""
Which jail comes before which: ``requires`` and ``after`` as a graph.

Both put the named jail first; what differs is what its trouble does
(:mod:`runjd.policy.waiting`).  All is linear in the number of names, and
nothing recurses: 10,000 jails in a row are one chain.
"""

from __future__ import annotations

from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Protocol

    class Rules(Protocol):
        """What of a jail's settings makes its place in the order."""

        @property
        def requires(self) -> tuple[str, ...]: ...
        @property
        def after(self) -> tuple[str, ...]: ...


class UnknownName(Value):
    """
    A jail names another one that is not there.

    :ivar key: ``requires`` or ``after``.
    """

    jail: str
    key: str
    name: str


class Cycle(Value):
    """Jails each of which waits for the next; the last is the first again."""

    path: tuple[str, ...]


def problems(rules: Mapping[str, Rules]) -> tuple[UnknownName | Cycle, ...]:
    """
    Return all that is wrong with the order: unknown names by jail, then cycles.

    Of jails that all wait for one another, one shortest cycle through the first
    of them by name is told.
    """
    unknown = tuple(
        UnknownName(jail, key, name)
        for jail in sorted(rules)
        for key, names in (("requires", rules[jail].requires), ("after", rules[jail].after))
        for name in dict.fromkeys(names)
        if name not in rules
    )
    needs = needs_of(rules)
    cycles = (_cycle_in(needs, knot) for knot in _knots(needs))
    return unknown + tuple(sorted(cycle for cycle in cycles if cycle is not None))


def needs_of(rules: Mapping[str, Rules]) -> dict[str, tuple[str, ...]]:
    """Return for each jail those that come before it, each once; unknown names are left out."""
    return {
        jail: tuple(name for name in dict.fromkeys((*each.requires, *each.after)) if name in rules)
        for jail, each in rules.items()
    }


def reverse(needs: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return for each jail those that name it."""
    found: dict[str, list[str]] = {jail: [] for jail in needs}
    for jail, names in needs.items():
        for name in names:
            found[name].append(jail)
    return {jail: tuple(names) for jail, names in found.items()}


def reached(needs: Mapping[str, Iterable[str]], start: Iterable[str]) -> tuple[str, ...]:
    """Return all that can be reached, those at the start first; what is not known is left out."""
    found = {jail: None for jail in start if jail in needs}
    pending = list(found)
    for jail in pending:  # grows meanwhile
        for name in needs[jail]:
            if name in needs and name not in found:
                found[name] = None
                pending.append(name)
    return tuple(pending)


def start_layers(rules: Mapping[str, Rules], among: Collection[str] | None = None) -> tuple[tuple[str, ...], ...]:
    """
    Return the jails by how many others they are behind, by name within a layer.

    What is in a cycle, or behind one, comes in one last layer: the order of a
    configuration that was checked has none.

    :param among: only these; one between two of them still keeps them apart.
    """
    needs = needs_of(rules)
    behind = reverse(needs)
    missing = {jail: len(names) for jail, names in needs.items()}
    layers: list[tuple[str, ...]] = []
    layer = sorted(jail for jail, count in missing.items() if not count)
    left = set(needs)
    while layer:
        layers.append(tuple(layer))
        left.difference_update(layer)
        after: list[str] = []
        for jail in layer:
            for name in behind[jail]:
                missing[name] -= 1
                if not missing[name]:
                    after.append(name)
        layer = sorted(after)
    if left:
        layers.append(tuple(sorted(left)))
    if among is None:
        return tuple(layers)
    return tuple(kept for each in layers if (kept := tuple(jail for jail in each if jail in among)))


def stop_layers(rules: Mapping[str, Rules], among: Collection[str] | None = None) -> tuple[tuple[str, ...], ...]:
    """Return the jails in the reverse order: no jail is before one that needs it."""
    return start_layers(rules, among)[::-1]


def _knots(needs: Mapping[str, tuple[str, ...]]) -> list[set[str]]:
    """
    Return the sets of jails that all reach one another, those of one jail too.

    Tarjan's algorithm with a stack of its own: (jail, names not looked at yet).
    """
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_: dict[str, None] = {}  # in the order in which they were met
    knots: list[set[str]] = []
    for root in sorted(needs):
        if root in number:
            continue
        number[root] = lowest[root] = len(number)
        open_[root] = None
        path = [(root, iter(needs[root]))]
        while path:
            jail, names = path[-1]
            for name in names:
                if name not in number:
                    number[name] = lowest[name] = len(number)
                    open_[name] = None
                    path.append((name, iter(needs[name])))
                    break
                if name in open_:
                    lowest[jail] = min(lowest[jail], number[name])
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    lowest[above] = min(lowest[above], lowest[jail])
                if lowest[jail] == number[jail]:
                    knots.append(_cut(open_, jail))
    return knots


def _cut(open_: dict[str, None], jail: str) -> set[str]:
    """Take what was met from that jail on."""
    knot: set[str] = set()
    while jail not in knot:
        knot.add(open_.popitem()[0])
    return knot


def _cycle_in(needs: Mapping[str, tuple[str, ...]], knot: set[str]) -> Cycle | None:
    """Return a shortest cycle through the first jail of a knot; None where it is one jail that is not behind itself."""
    first = min(knot)
    came_from: dict[str, str] = {}
    pending = [first]
    for jail in pending:  # grows meanwhile
        for name in needs[jail]:
            if name == first:
                path = [jail]
                while path[-1] != first:
                    path.append(came_from[path[-1]])
                return Cycle((*reversed(path), first))
            if name in knot and name not in came_from:
                came_from[name] = jail
                pending.append(name)
    return None
