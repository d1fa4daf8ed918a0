"""
What another configuration changes, key by key, and from when on. Pure.

A jail whose table did not change is not touched.
"""

from __future__ import annotations

from runjd.config.model import Tls
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runjd.config.model import Configuration, ConfiguredJail, DaemonConfig
    from runjd.policy.access import Rule

#: from when on a key holds: at once, from the next start of the jail on, or of the daemon
NOW, START, DAEMON = "now", "start", "daemon"

#: what is looked at while a jail runs, or once it has ended
_AT_ONCE = frozenset(["restart", "backoff", "requires", "after", "health", "stop", "log", "autostart", "owner"])
_OF_A_RUNNING_DAEMON = frozenset(["parallel", "shutdown", "group", "tls.certificate", "tls.key", "tls.ca"])
#: fields that have another name as keys
_NAMES = {
    "restart.kind": "restart.policy",
    "restart.success-statuses": "restart.success",
    "restart.success-signals": "restart.success",
    "ready.kind": "ready.when",
    "readonly": "read-only",
    "addresses": "network",
}
#: variables hold secrets, and a difference is shown to others than who may read the file
_HIDDEN = "environment"


class Change(Value):
    """
    One key that differs.

    :ivar jail: empty: the daemon's own.
    :ivar before: as text; ``-`` where there was nothing.
    :ivar takes: one of :data:`NOW`, :data:`START`, :data:`DAEMON`.
    """

    jail: str
    key: str
    before: str
    after: str
    takes: str


class Difference(Value):
    """
    What is new, what is gone, and what changed.

    :ivar unchanged: how many jails are as they were.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    unchanged: int = 0

    @property
    def changed(self) -> tuple[str, ...]:
        """The jails that are kept or made otherwise, by id."""
        return tuple(dict.fromkeys([each.jail for each in self.changes if each.jail]))


def difference(before: Configuration, after: Configuration) -> Difference:
    """Return what changes if the one follows on the other."""
    old = {jail.id: jail for jail in before.jails}
    new = {jail.id: jail for jail in after.jails}
    changes = [*_daemon_changes(before.daemon, after.daemon), *_rule_changes(before.rules, after.rules)]
    unchanged = 0
    for id, jail in new.items():
        if id in old:
            found = list(_jail_changes(old[id], jail))
            changes += found
            unchanged += not found
    return Difference(
        tuple([id for id in new if id not in old]),
        tuple([id for id in old if id not in new]),
        tuple(changes),
        unchanged,
    )


def _daemon_changes(before: DaemonConfig, after: DaemonConfig) -> Iterator[Change]:
    for name, old, new in (*_daemon_keys(before, after), *_tls_keys(before.tls or Tls(), after.tls or Tls())):
        if old != new:
            takes = NOW if name in _OF_A_RUNNING_DAEMON else DAEMON
            yield Change("", name, shown(old), shown(new), takes)


def _rule_changes(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Change]:
    for index in range(max(len(before), len(after))):
        old, new = (_rule_shown(rules[index]) if index < len(rules) else "" for rules in (before, after))
        if old != new:
            yield Change("", f"access[{index}]", shown(old), shown(new), NOW)


def _rule_shown(rule: Rule) -> str:
    what = " ".join(rule.verbs) or ("everything" if rule.is_denial else "")
    does = [each for each in ("deny" if rule.is_denial else "", "" if rule.role == "none" else rule.role, what) if each]
    return " ".join([*[each.text for each in rule.who], *does, *(["with", *rule.jails] if rule.jails else [])])


def _daemon_keys(before: DaemonConfig, after: DaemonConfig) -> Iterator[tuple[str, object, object]]:
    yield from (each for each in zip(before._fields, before, after, strict=True) if each[0] != "tls")


def _tls_keys(before: Tls, after: Tls) -> Iterator[tuple[str, object, object]]:
    yield from ((f"tls.{name}", old, new) for name, old, new in zip(before._fields, before, after, strict=True))


def _jail_changes(before: ConfiguredJail, after: ConfiguredJail) -> Iterator[Change]:
    if before._replace(file=after.file) == after:
        return
    old, new = dict(keys_of(before)), dict(keys_of(after))
    for key in dict.fromkeys((*old, *new)):
        one, other = old.get(key), new.get(key)
        if one == other:
            continue
        first = key.partition(".")[0]
        takes = NOW if first in _AT_ONCE else START
        if first == _HIDDEN:
            one, other = one and "...", other and "..."
        yield Change(after.id, _NAMES.get(key, key), shown(one), shown(other), takes)


def keys_of(jail: ConfiguredJail) -> Iterator[tuple[str, object]]:
    """Yield all keys of a jail, those of tables as ``stop.timeout``, with their values."""
    yield "bundle", jail.bundle
    yield "runtime", jail.runtime
    yield "stdin", jail.stdin
    for rule in (jail.short or jail.overrides, jail.settings):
        yield from _fields(rule, "")


def _fields(rule: object, above: str) -> Iterator[tuple[str, object]]:
    for name in getattr(rule, "_fields", ()):
        value = getattr(rule, name)
        key = f"{above}{name.replace('_', '-')}"
        if key == _HIDDEN:
            for variable, text in value:
                yield f"{key}.{variable}", text
        elif hasattr(value, "_fields"):
            yield from _fields(value, f"{key}.")
        else:
            yield key, value


def shown(value: object) -> str:
    """Return the value of a key as text."""
    if value is None or value == "" or value == ():
        return "-"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple) and not hasattr(value, "_fields"):
        return " ".join(map(str, value))
    return str(value)
