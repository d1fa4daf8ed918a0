"""Tests for :mod:`runjd.policy.access`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runjd.policy.access import (
    CONNECTION,
    DAEMON,
    JAIL,
    JAILS,
    ROLES,
    Decision,
    Need,
    Rule,
    Rules,
    Subject,
    allows,
    decide,
    includes,
    is_stranger,
    role_of,
)
from runjd.policy.principal import NOBODY, Principal

ANNA = Principal(1001, 100, 12, (100, 27))
ROOT = Principal(0, 0, 1, (0,))
CLIENT = Principal(NOBODY, NOBODY, certificate=("ops.example.org", "ops"), address="192.0.2.1")

EVERYBODY = (Subject("anybody"),)
OF_ANNA = (Subject("uid", 1001, text="user:anna"),)
OF_WHEEL = (Subject("gid", 27, text="group:wheel"),)


def start(jail: str = "web", owner: str = "operator") -> Need:
    """Return what a start needs."""
    return Need("start", "operator", JAIL, jail, owner)


def rules(*each: Rule) -> Rules:
    """Return these rules, and that root needs none."""
    return Rules(each)


def test_roles_include_those_before_them():
    """An operator may observe, an observer may not operate, and who has no role may do neither."""
    assert [[includes(role, needed) for needed in ROLES] for role in ROLES] == [
        [True, False, False, False],
        [True, True, False, False],
        [True, True, True, False],
        [True, True, True, True],
    ]


def test_strangers_may_do_nothing():
    """Where no rule is about somebody, the answer is no, to everything."""
    assert decide(rules(), ANNA, start()) == Decision(False, "none", "none")
    assert is_stranger(rules(Rule("access[0]", OF_WHEEL[:0], "admin")), ANNA)
    assert not decide(rules(), ANNA, Need("help", "observer", CONNECTION)).is_allowed


def test_root_needs_no_rule():
    """Who could do it without the daemon may do it, and no rule takes that away."""
    denial = Rule("access[0]", EVERYBODY, is_denial=True)

    assert decide(rules(denial), ROOT, Need("shutdown", "admin", DAEMON)) == Decision(True, "admin", "owner")
    assert not is_stranger(rules(denial), ROOT)


def test_a_rule_is_about_a_group_of_the_connection():
    """A supplementary group counts like the effective one."""
    assert decide(rules(Rule("access[0]", OF_WHEEL, "operator")), ANNA, start()) == Decision(
        True, "operator", "access[0] group:wheel"
    )


def test_the_first_rule_that_covers_a_request_decides():
    """A denial in front of a role takes a part of it away; behind it, it does nothing."""
    denial = Rule("access[0]", OF_ANNA, verbs=("start",), jails=("db*",), is_denial=True)
    role = Rule("access[1]", OF_ANNA, "operator")

    assert decide(rules(denial, role), ANNA, start("db1")) == Decision(False, "operator", "access[0] user:anna")
    assert decide(rules(denial, role), ANNA, start("web")).is_allowed
    assert decide(rules(denial, role), ANNA, Need("stop", "operator", JAIL, "db1")).is_allowed
    assert decide(rules(role, denial), ANNA, start("db1")).is_allowed


def test_a_role_holds_for_the_jails_that_match():
    """An operator of some jails has no role with others, nor with the daemon itself, and asks for all that he sees."""
    some = rules(Rule("access[0]", OF_ANNA, "operator", jails=("web*", "mail")))

    assert decide(some, ANNA, start("web2")).is_allowed
    assert decide(some, ANNA, start("db")) == Decision(False, "none", "none")
    assert decide(some, ANNA, Need("list", "observer", JAILS)).is_allowed
    assert decide(some, ANNA, Need("ping", "observer", CONNECTION)).is_allowed
    assert not decide(some, ANNA, Need("reload", "observer", DAEMON)).is_allowed
    assert (role_of(some, ANNA), role_of(some, ANNA, "db")) == ("operator", "none")


def test_an_operator_keeps_off_what_is_the_administrators():
    """A jail that is the administrators' alone is not changed by operators, unless a rule names the verb."""
    operator = Rule("access[0]", OF_ANNA, "operator")
    named = Rule("access[1]", OF_ANNA, verbs=("start",))

    assert not decide(rules(operator), ANNA, start(owner="admin")).is_allowed
    assert decide(rules(operator), ANNA, Need("status", "observer", JAIL, "web")).is_allowed
    assert decide(rules(operator, named), ANNA, start(owner="admin")).rule == "access[1] user:anna"
    assert decide(rules(Rule("access[0]", OF_ANNA, "admin")), ANNA, start(owner="admin")).is_allowed


def test_single_verbs():
    """A rule may allow a verb and no role; what is about the connection itself goes with it."""
    named = rules(Rule("access[0]", OF_ANNA, verbs=("restart",), jails=("web",)))

    assert decide(named, ANNA, Need("restart", "operator", JAIL, "web")) == Decision(
        True, "none", "access[0] user:anna"
    )
    assert not decide(named, ANNA, start()).is_allowed
    assert not decide(named, ANNA, Need("list", "observer", JAILS)).is_allowed
    assert decide(named, ANNA, Need("whoami", "observer", CONNECTION)).is_allowed
    assert not is_stranger(named, ANNA)


def test_a_certificate_is_no_local_user():
    """A rule for everybody at the socket, or for a uid or gid, is not about whom a certificate names."""
    for who in (EVERYBODY, (Subject("uid", NOBODY),), (Subject("gid", NOBODY),), OF_ANNA):
        assert is_stranger(rules(Rule("access[0]", who, "admin")), CLIENT)
    for name in ("ops.example.org", "*.example.org", "ops"):
        named = rules(Rule("access[0]", (Subject("certificate", name=name, text=f"certificate:{name}"),), "observer"))
        assert role_of(named, CLIENT) == "observer"
        assert is_stranger(named, ANNA)


def test_names():
    """A local user is called by his uid, a client with a certificate by its first name."""
    assert (ANNA.name, CLIENT.name) == ("uid:1001", "cert:ops.example.org")


def test_who_is_denied_everything_is_a_stranger():
    """A denial of everything in front of all roles is the same as no rule."""
    denial, role = Rule("access[0]", OF_ANNA, is_denial=True), Rule("access[1]", EVERYBODY, "observer")

    assert is_stranger(rules(denial, role), ANNA)
    assert not is_stranger(rules(role, denial), ANNA)
    assert not is_stranger(rules(denial._replace(jails=("db",)), role), ANNA)


NAMES = st.sampled_from(["web", "web1", "db"])
VERBS = st.sampled_from(["start", "status", "reload", "ping"])
SUBJECTS = st.builds(Subject, st.sampled_from(["uid", "gid", "anybody"]), st.integers(1000, 1003))
RULES = st.builds(
    Rule,
    st.just("access[0]"),
    st.tuples(SUBJECTS),
    st.sampled_from(ROLES),
    st.lists(VERBS, max_size=2).map(tuple),
    st.lists(st.sampled_from(["web*", "db", "*"]), max_size=2).map(tuple),
    st.booleans(),
)
PRINCIPALS = st.builds(Principal, st.integers(1000, 1002), st.integers(1000, 1003))
NEEDS = st.builds(
    Need, VERBS, st.sampled_from(ROLES[1:]), st.sampled_from([CONNECTION, DAEMON, JAILS]), st.just("")
) | st.builds(Need, VERBS, st.sampled_from(ROLES[1:]), st.just(JAIL), NAMES, st.sampled_from(["operator", "admin"]))


@given(st.lists(RULES, max_size=5), PRINCIPALS, NEEDS)
def test_what_is_allowed_is_allowed_by_a_rule_about_the_principal(some, principal, need):
    """Nothing is allowed but by a rule that is no denial and names the principal; a stranger gets nothing."""
    decision = decide(Rules(tuple(some)), principal, need)
    assert allows(Rules(tuple(some)), principal, need) is decision.is_allowed
    about = [each for each in some if any(subject.is_about(principal) for subject in each.who)]

    if decision.is_allowed:
        assert any(not each.is_denial for each in about)
        assert not is_stranger(Rules(tuple(some)), principal)
    assert decide(Rules(tuple(about)), principal, need).is_allowed == decision.is_allowed


@given(st.lists(RULES, max_size=4), PRINCIPALS, NEEDS)
def test_a_denial_of_everything_in_front_leaves_nothing(some, principal, need):
    """Whatever other rules say."""
    denial = Rule("access[0]", (Subject("uid", principal.uid),), is_denial=True)

    assert not decide(Rules((denial, *some)), principal, need).is_allowed


@given(st.sampled_from(ROLES), NEEDS)
def test_a_higher_role_may_do_no_less(role, need):
    """What a role may do, each higher one may do, too."""
    higher = ROLES[ROLES.index(role) :]
    allowed = [decide(rules(Rule("access[0]", EVERYBODY, each)), ANNA, need).is_allowed for each in higher]

    assert allowed == sorted(allowed)


def test_names_of_certificates_are_compared_without_case():
    """As names of hosts are: a denial is not passed by a certificate that is written in another way."""
    denial = Rule("access[0]", (Subject("certificate", name="Ops.Example.ORG", text="c"),), is_denial=True)
    everybody = Rule("access[1]", (Subject("certificate", name="*", text="c"),), "observer")

    assert not decide(rules(denial, everybody), CLIENT, Need("status", "observer", JAIL, "web")).is_allowed
    shouting = CLIENT._replace(certificate=("OPS.example.org",))
    assert not decide(rules(denial, everybody), shouting, Need("status", "observer", JAIL, "web")).is_allowed
