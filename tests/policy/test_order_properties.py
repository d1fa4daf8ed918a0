"""Properties of :mod:`runjd.policy.order`."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.order import Cycle, UnknownName, needs_of, problems, reached, start_layers, stop_layers
from runjd.policy.settings import Settings

names = st.sampled_from([f"j{n}" for n in range(8)])
some = st.lists(names, max_size=3).map(tuple)
graphs = st.dictionaries(names, st.builds(Settings, requires=some, after=some))


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Settings]:
    """Draw jails that only name those before them, in an order that their names do not tell."""
    jails = draw(st.permutations([f"j{n}" for n in range(8)]))
    rules = {}
    for index, jail in enumerate(jails):
        earlier = st.lists(st.sampled_from(jails[:index]), max_size=3).map(tuple) if index else st.just(())
        rules[jail] = Settings(requires=draw(earlier), after=draw(earlier))
    return rules


@given(orders())
def test_the_order_is_a_topological_one(rules: dict[str, Settings]) -> None:
    """No jail starts before one that it needs, none stops before one that needs it, and each is there once."""
    assert problems(rules) == ()
    layers = start_layers(rules)
    place = {jail: index for index, layer in enumerate(layers) for jail in layer}
    assert sorted(jail for layer in layers for jail in layer) == sorted(rules)
    for jail, needs in needs_of(rules).items():
        assert place[jail] == max((place[name] for name in needs), default=-1) + 1
    assert stop_layers(rules) == layers[::-1]


@given(graphs)
def test_a_cycle_is_told_where_there_is_one_and_nowhere_else(rules: dict[str, Settings]) -> None:
    """Each cycle that is told is one; each jail that reaches itself is with one of them; no name is passed over."""
    found = problems(rules)
    needs = needs_of(rules)
    told = [each.path for each in found if isinstance(each, Cycle)]
    for path in told:
        assert path[0] == path[-1]
        assert len(set(path[:-1])) == len(path) - 1 > 0
        assert all(after in needs[before] for before, after in pairwise(path))
    for jail in rules:
        if any(jail in reached(needs, [name]) for name in needs[jail]):
            assert any(jail in reached(needs, [path[0]]) and path[0] in reached(needs, [jail]) for path in told)
    unknown = {(each.jail, each.key, each.name) for each in found if isinstance(each, UnknownName)}
    assert unknown == {
        (jail, key, name)
        for jail, each in rules.items()
        for key, words in (("requires", each.requires), ("after", each.after))
        for name in words
        if name not in rules
    }


@given(graphs)
def test_every_jail_has_a_layer_even_in_a_cycle(rules: dict[str, Settings]) -> None:
    """A graph that nobody checked loses no jail."""
    assert sorted(jail for layer in start_layers(rules) for jail in layer) == sorted(rules)
