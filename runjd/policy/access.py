"""
Who may do what: the rules of the configuration, and what they say of one request. Pure.

The first rule that is about whoever asks, about the jail and about the verb decides;
where none is, the answer is no.  Root, and whoever the daemon runs as, may do everything:
they could do it without the daemon, too.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from runjd.policy.principal import NOBODY, Principal
from runjd.values import Value

#: each role may do what those before it may; ``none`` has single verbs at most
ROLES = ("none", "observer", "operator", "admin")
#: the verbs that a rule may name; all of them
VERBS = (
    *("help", "caps", "whoami", "ping", "hello", "quit", "cancel", "metrics", "dump", "shutdown", "upgrade"),
    *("list", "status", "show", "plan", "wait", "stats"),
    *(
        "run",
        "start",
        "stop",
        "restart",
        "try-restart",
        "pause",
        "resume",
        "reset",
        "enable",
        "disable",
        "kill",
        "delete",
    ),
    *("reload", "log", "log-rotate", "log-reopen"),
    *("attach", "exec", "resize", "sessions", "subscribe", "unsubscribe"),
)

#: what a verb is about: the connection itself, the daemon, any jails that one may see, or one jail
CONNECTION, DAEMON, JAILS, JAIL = "connection", "daemon", "jails", "jail"

#: decides for those who need no rule, and where no rule is found
OWNER, NO_RULE = "owner", "none"


class Subject(Value):
    """
    Whom a rule is about.

    :ivar kind: ``uid``, ``gid``, ``certificate``, or ``anybody`` who comes by the Unix socket.
    :ivar name: of a certificate, perhaps with ``*`` and ``?``.
    :ivar text: as the configuration writes it.
    """

    kind: str
    id: int = 0
    name: str = ""
    text: str = "*"

    def is_about(self, principal: Principal) -> bool:
        """Return whether it is this one."""
        if self.kind == "certificate":
            # as names of hosts: Alice is nobody else than alice, and not denied less
            return any(fnmatchcase(each.lower(), self.name.lower()) for each in principal.certificate)
        if principal.uid == NOBODY:
            return False
        if self.kind == "uid":
            return principal.uid == self.id
        return self.kind == "anybody" or self.id == principal.gid or self.id in principal.groups


class Rule(Value):
    """
    What somebody may do, or may not do.

    :ivar place: where it stands, as ``access[1]``.
    :ivar role: allows its verbs; ``none``: only those that are named.
    :ivar verbs: those that it allows, or denies; a denial without any is of all.
    :ivar jails: ids and patterns; empty: all jails, and the daemon itself.
    """

    place: str
    who: tuple[Subject, ...]
    role: str = "none"
    verbs: tuple[str, ...] = ()
    jails: tuple[str, ...] = ()
    is_denial: bool = False


class Rules(Value):
    """
    All of them, in the order in which they are asked.

    :ivar owners: the uids that need no rule.
    """

    rules: tuple[Rule, ...] = ()
    owners: tuple[int, ...] = (0,)


class Need(Value):
    """
    What a request asks for.

    :ivar verb: in lower case; ``log-rotate`` where it is that.
    :ivar role: which includes it.
    :ivar about: one of :data:`CONNECTION`, :data:`DAEMON`, :data:`JAILS`, :data:`JAIL`.
    :ivar owner: the least role that may change the jail; ``admin`` of one that stands in no configuration.
    """

    verb: str
    role: str
    about: str = CONNECTION
    jail: str = ""
    owner: str = "operator"


class Decision(Value):
    """
    Whether a request is allowed.

    :ivar role: which the principal has here.
    :ivar rule: what decided: :data:`OWNER`, :data:`NO_RULE`, or place and subject of a rule.
    """

    is_allowed: bool
    role: str
    rule: str


def decide(rules: Rules, principal: Principal, need: Need) -> Decision:
    """Return whether the principal may do it, and why."""
    if principal.uid in rules.owners:
        return Decision(True, "admin", OWNER)
    role, rule = role_of(rules, principal, need.jail), _deciding(rules, principal, need)
    if rule is None:
        return Decision(False, role, NO_RULE)
    subject = _subject(rule, principal)
    return Decision(not rule.is_denial, role, f"{rule.place} {subject.text if subject is not None else ''}")


def allows(rules: Rules, principal: Principal, need: Need) -> bool:
    """Return whether the principal may do it; as :func:`decide`, for whoever asks of a thousand jails."""
    if principal.uid in rules.owners:
        return True
    rule = _deciding(rules, principal, need)
    return rule is not None and not rule.is_denial


def role_of(rules: Rules, principal: Principal, jail: str = "") -> str:
    """Return the highest role that the principal has, with any jail or with this one."""
    if principal.uid in rules.owners:
        return "admin"
    ranks = [
        ROLES.index(rule.role)
        for rule in rules.rules
        if not (jail and rule.jails and not _matches(rule, jail)) and _subject(rule, principal) is not None
    ]
    return ROLES[max(ranks, default=0)]


def is_stranger(rules: Rules, principal: Principal) -> bool:
    """Return whether nothing at all is allowed to the principal."""
    if principal.uid in rules.owners:
        return False
    for rule in rules.rules:
        if _subject(rule, principal) is not None:
            if not rule.is_denial:
                return False
            if not rule.verbs and not rule.jails:
                return True
    return True


def includes(role: str, needed: str) -> bool:
    """Return whether the one role may do what needs the other."""
    return ROLES.index(role) >= ROLES.index(needed)


def _deciding(rules: Rules, principal: Principal, need: Need) -> Rule | None:
    """Return the first rule that says anything of it."""
    for rule in rules.rules:
        if _subject(rule, principal) is not None and _concerns(rule, need) and _covers(rule, need):
            return rule
    return None


def _subject(rule: Rule, principal: Principal) -> Subject | None:
    return next((each for each in rule.who if each.is_about(principal)), None)


def _concerns(rule: Rule, need: Need) -> bool:
    """Return whether a rule speaks of what the request is about."""
    if not rule.jails:
        return True
    if need.about == JAIL:
        return _matches(rule, need.jail)
    # one who may see some jails may ask for all that he sees
    return need.about != DAEMON and not rule.is_denial


def _matches(rule: Rule, jail: str) -> bool:
    return any(fnmatchcase(jail, each) for each in rule.jails)


def _covers(rule: Rule, need: Need) -> bool:
    """Return whether a rule says anything of the verb."""
    if need.verb in rule.verbs:
        return True
    if rule.is_denial:
        return not rule.verbs
    if need.about == CONNECTION:
        return True
    return includes(rule.role, need.owner if need.role == "operator" and need.about == JAIL else need.role)
