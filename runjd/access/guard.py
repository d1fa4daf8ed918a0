"""The rules that are in force, for all listeners of the daemon."""

from __future__ import annotations

from collections.abc import Callable

from runjd.policy.access import Decision, Need, Rule, Rules, allows, decide, is_stranger, role_of
from runjd.policy.principal import Principal


class Guard:
    """
    A :class:`runjd.protocols.control.authority.Guard`.

    :param owners: the uids that need no rule.
    :param changed: called when other rules, or other jails, are in force.
    """

    def __init__(self, owners: tuple[int, ...], changed: Callable[[], None] = lambda: None) -> None:
        self._rules = Rules((), owners)
        self._changed = changed

    def take(self, rules: tuple[Rule, ...]) -> None:
        """Put these rules in force, in place of those before; who owns a jail may have changed, too."""
        self._rules = self._rules._replace(rules=rules)
        self._changed()

    def decide(self, principal: Principal, need: Need) -> Decision:
        return decide(self._rules, principal, need)

    def allows(self, principal: Principal, need: Need) -> bool:
        return allows(self._rules, principal, need)

    def role_of(self, principal: Principal) -> str:
        return role_of(self._rules, principal)

    def is_stranger(self, principal: Principal) -> bool:
        return is_stranger(self._rules, principal)
