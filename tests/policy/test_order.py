"""Which jail comes before which."""

import time

from runjd.policy.order import Cycle, UnknownName, problems, reached, reverse, start_layers, stop_layers
from runjd.policy.settings import Settings

#: a web server, an application behind it, two stores, and what only comes later
SITE = {
    "web": Settings(requires=("app",)),
    "app": Settings(requires=("db",), after=("cache",)),
    "db": Settings(),
    "cache": Settings(),
    "mail": Settings(after=("web",)),
}


def test_an_order_that_holds_has_no_problem():
    """Names that are there, and nothing in a circle: nothing to say."""
    assert problems(SITE) == ()


def test_every_unknown_name_is_told_with_the_key_it_stands_in():
    """Each unknown name is told for each jail and key, once however often it is repeated."""
    rules = {"web": Settings(requires=("ap", "db", "ap"), after=("ap",)), "db": Settings(after=("disk",))}
    assert problems(rules) == (
        UnknownName("db", "after", "disk"),
        UnknownName("web", "requires", "ap"),
        UnknownName("web", "after", "ap"),
    )


def test_every_cycle_is_told_with_its_path():
    """A jail that waits for itself, two that wait for each other, and three in a ring are three cycles."""
    rules = {
        "self": Settings(after=("self",)),
        "egg": Settings(requires=("hen",)),
        "hen": Settings(after=("egg",)),
        "c": Settings(requires=("a", "egg")),
        "b": Settings(requires=("c",)),
        "a": Settings(requires=("b",)),
        "outside": Settings(requires=("a",)),
    }
    assert problems(rules) == (Cycle(("a", "b", "c", "a")), Cycle(("egg", "hen", "egg")), Cycle(("self", "self")))


def test_unknown_names_do_not_hide_cycles():
    """Both kinds of problem are told at once."""
    rules = {"a": Settings(requires=("b", "x")), "b": Settings(after=("a",))}
    assert problems(rules) == (UnknownName("a", "requires", "x"), Cycle(("a", "b", "a")))


def test_the_layers_of_a_site():
    """What needs nothing comes first, what needs it next; to stop, the other way round."""
    assert start_layers(SITE) == (("cache", "db"), ("app",), ("web",), ("mail",))
    assert stop_layers(SITE) == (("mail",), ("web",), ("app",), ("cache", "db"))


def test_the_layers_of_some_jails_keep_the_order_of_all():
    """A jail that is left out still keeps those on its two sides apart."""
    assert stop_layers(SITE, {"web", "db"}) == (("web",), ("db",))


def test_what_a_jail_reaches():
    """All that a jail needs, near and far; in reverse, all that need it."""
    needs = {"web": ("app",), "app": ("db",), "db": (), "mail": ()}
    assert reached(needs, ["web"]) == ("web", "app", "db")
    assert reached(reverse(needs), ["db"]) == ("db", "app", "web")


def test_ten_thousand_jails_in_one_chain_are_no_trouble():
    """A chain, and a ring, of 10,000 jails is told within a moment; nothing recurses."""
    chain = {f"j{n}": Settings(requires=(f"j{n - 1}",) if n else ()) for n in range(10_000)}
    began = time.process_time()
    assert problems(chain) == ()
    assert len(start_layers(chain)) == 10_000
    (cycle,) = problems(chain | {"j0": Settings(after=("j9999",))})
    assert isinstance(cycle, Cycle)
    assert len(cycle.path) == 10_001
    assert time.process_time() - began < 5.0
