"""
The one place that says whether a request is carried out.

Of a jail that somebody may not see he is not told whether there is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from runjd.errors import Denied, NoSuchJail
from runjd.interfaces import IController
from runjd.policy.access import DAEMON, JAIL, JAILS, NO_RULE, Decision, Need
from runjd.policy.facts import Facts
from runjd.policy.principal import Principal
from runjd.protocols.control.verbs.arguments import Arguments, did_you_mean
from runjd.protocols.control.verbs.patterns import IDS, is_pattern
from runjd.protocols.control.verbs.table import Verb


class Guard(Protocol):
    """Knows the rules that are in force."""

    def decide(self, principal: Principal, need: Need) -> Decision:
        """Return whether the principal may do it, and why."""

    def allows(self, principal: Principal, need: Need) -> bool:
        """Return whether the principal may do it."""

    def role_of(self, principal: Principal) -> str:
        """Return the highest role that the principal has with any jail."""

    def is_stranger(self, principal: Principal) -> bool:
        """Return whether nothing is allowed to the principal."""


#: what whoever knows of a jail may do
_SEEING = Need("list", "observer", JAIL)


class Permit:
    """
    What one request was allowed.

    :param needs: all that it needs.
    :ivar deed: the verb, or what else it was.
    :ivar jails: those that it names.
    """

    __slots__ = ("_guard", "_need", "_needs", "_principal", "deed", "jails")

    def __init__(
        self, guard: Guard, principal: Principal, need: Need, jails: Sequence[str], needs: Sequence[Need]
    ) -> None:
        self._guard = guard
        self._principal = principal
        self._need = need
        self._needs = needs
        self.deed = need.verb
        self.jails = jails

    @property
    def is_change(self) -> bool:
        """Whether those who may only look are not allowed the same."""
        return self._need.role != "observer"

    def holds(self, controller: IController) -> bool:
        """Return whether it would be allowed again, by the rules and the jails of this moment."""
        needs = [_now(each, controller) if each.about == JAIL and each.jail else each for each in self._needs]
        return all(self._guard.allows(self._principal, each) for each in needs)

    @property
    def highest_role(self) -> str:
        """The highest role that the principal has with any jail."""
        return self._guard.role_of(self._principal)

    def sees(self, jail: str) -> bool:
        """Return whether the principal may know of this jail."""
        return self._guard.allows(self._principal, _SEEING._replace(jail=jail))

    @property
    def includes_daemon(self) -> bool:
        """Whether the same is allowed with the daemon itself."""
        return self._guard.allows(self._principal, Need(self._need.verb, self._need.role, DAEMON))

    def includes(self, jail: str, owner: str = "operator") -> bool:
        """Return whether the same is allowed with this jail, by the rules of this moment."""
        need = self._need
        return self._guard.allows(self._principal, Need(need.verb, need.role, JAIL, jail, owner))

    def among(self, jails: Iterable[Facts]) -> list[Facts]:
        """Return those jails with which the same is allowed."""
        return [each for each in jails if self.includes(each.id, _owner_of(each))]


def authorise(
    guard: Guard, principal: Principal, verb: Verb, arguments: Arguments | None, controller: IController
) -> Permit:
    """
    Return what the principal is allowed.

    :param arguments: None: they make no sense; then it is asked whether he may use the verb at all.
    :raise Denied: he may not.
    :raise NoSuchJail: he may, and there is no such jail; names a near miss that he may see.
    """
    deed, role = verb.deed_of(arguments)
    need = Need(deed, role, verb.about)
    jails = _jails_of(verb, arguments, controller)
    if verb.finds is not None and arguments is not None:
        found = verb.finds(arguments, controller)
        jails = [*jails, *(each for each in found if guard.allows(principal, _SEEING._replace(jail=each)))]
    needs = [_now(need._replace(about=JAIL, jail=each), controller) for each in jails]
    if not jails:
        needs.append(need._replace(about=JAILS) if verb.about == JAIL else need)
    permit = Permit(guard, principal, need, jails, needs)
    for each in needs:
        _check(guard, principal, each)
    for jail in jails:
        if not verb.makes_jail and _find(controller, jail) is None:
            near = did_you_mean(jail, [each.id for each in permit.among(controller.jails())])
            raise NoSuchJail(jail, near.removeprefix("; "))
    return permit


def _jails_of(verb: Verb, arguments: Arguments | None, controller: IController) -> Sequence[str]:
    """Return the jails that a request names; patterns name those that are seen."""
    if arguments is None or verb.about not in (JAIL, JAILS):
        return ()
    if verb.jails is not None:
        return verb.jails(arguments, controller)
    return [each for each in arguments.all(IDS) if not is_pattern(each)]


def _find(controller: IController, jail: str) -> Facts | None:
    try:
        return controller.facts(jail)
    except NoSuchJail:
        return None


def _now(need: Need, controller: IController) -> Need:
    """Return what is needed, with who may change the jail as it is now."""
    facts = _find(controller, need.jail)
    return need._replace(owner="operator" if facts is None else _owner_of(facts))


def _owner_of(facts: Facts) -> str:
    """Return the least role that may change the jail."""
    return facts.definition.settings.owner if facts.is_configured else "admin"


def _check(guard: Guard, principal: Principal, need: Need) -> None:
    """:raise Denied: telling role and rule."""
    decision = guard.decide(principal, need)
    if decision.is_allowed:
        return
    details = {"verb": need.verb} | ({"jail": need.jail} if need.jail else {})
    raise Denied(_reason(principal, need, decision), **details, role=decision.role, rule=decision.rule)


def _reason(principal: Principal, need: Need, decision: Decision) -> str:
    of = f" of {need.jail}" if need.jail else ""
    if decision.rule != NO_RULE:
        return f"{need.verb}{of} is denied by {decision.rule}"
    if need.jail and need.role == "operator" and decision.role == "operator":
        return f"{need.verb}{of} needs the role admin: it was made by run, or its configuration says so"
    return f"{need.verb}{of} needs the role {need.role}, which {principal.name} does not have"
