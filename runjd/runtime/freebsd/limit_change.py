"""
Change the limits of a jail that runs.

A rule that differs only in its amount is replaced by the kernel; one that is no longer
wanted is taken away.  Rules of annotations stay, unless a limit has the same resource and
action.
"""

from __future__ import annotations

import errno

from runjd.errors import RuntimeFailure, WrongState
from runjd.runtime.contract import Undo
from runjd.runtime.failing import failure
from runjd.runtime.freebsd.jails import name_of
from runjd.runtime.freebsd.limits import RACCT_ADVICE, plan_cpus, rules_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runjd.kernel.freebsd.kernel import FreeBSDKernel
    from runjd.runtime.contract import Held
    from runjd.runtime.freebsd.removal import Removal
    from runjd.spec.resources import Resources

#: what limits of linux.resources become
_OURS = (("memoryuse", "sigkill"), ("swapuse", "deny"), ("maxproc", "deny"), ("pcpu", "deny"))


class LimitChange:
    """Changes limits."""

    def __init__(self, kernel: FreeBSDKernel, removal: Removal) -> None:
        self._kernel = kernel
        self._removal = removal

    def apply(self, held: Held, resources: Resources, made: Callable[[Undo], None]) -> None:
        """
        Let these limits hold; where one cannot be applied all are as they were.

        :param made: told of each rule before it is there.
        """
        jail, jid = name_of(held), self._removal.find(held)
        if not jid:
            raise WrongState(f'the jail of "{held.id}" is gone', jail=held.id)
        rules = {(rule.resource, rule.action): rule for rule in rules_of(resources, jail)}
        cpus = plan_cpus(resources)
        before = self._rules(jail)
        try:
            for key in _OURS:
                if key in rules:
                    made(Undo("rctl", rules[key].rule))
                    self._add(rules[key].rule, rules[key].path)
                elif key in before:
                    self._remove(jail, key)
            if cpus:
                self._kernel.set_jail_affinity(jid, cpus[0].cpus)
        except (OSError, RuntimeFailure) as error:
            self._restore(jail, before)
            if isinstance(error, OSError):
                raise failure(str(cpus[0]), error, cpus[0].path) from error
            raise

    def _rules(self, jail: str) -> dict[tuple[str, str], str]:
        found = {}
        try:
            listed = self._kernel.rctl_get_rules(f"jail:{jail}")
        except OSError as error:
            hint = RACCT_ADVICE if error.errno == errno.ENOSYS else ""
            raise failure("read the limits of the jail", error, "linux.resources", hint) from error
        for rule in listed.split(","):
            if rule:
                *_, resource, tail = rule.rsplit(":", 2)
                found[resource, tail.partition("=")[0]] = rule
        return found

    def _add(self, rule: str, path: str) -> None:
        try:
            self._kernel.rctl_add_rule(rule)
        except OSError as error:
            raise failure(f"add the rule {rule}", error, path) from error

    def _remove(self, jail: str, key: tuple[str, str]) -> None:
        try:
            self._kernel.rctl_remove_rule(f"jail:{jail}:{key[0]}:{key[1]}")
        except ProcessLookupError:
            pass
        except OSError as error:
            raise failure(f"take the limit of {key[0]} away", error, "linux.resources") from error

    def _restore(self, jail: str, before: dict[tuple[str, str], str]) -> None:
        for key in _OURS:
            try:
                if key in before:
                    self._kernel.rctl_add_rule(before[key])
                else:
                    self._kernel.rctl_remove_rule(f"jail:{jail}:{key[0]}:{key[1]}")
            except OSError:
                continue
