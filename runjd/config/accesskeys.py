"""
The tables ``access``: who may do what.

Names of users and groups are looked up when the configuration is read, and never when
somebody connects: what is compared then is the kernel's numbers.
"""

from __future__ import annotations

from runjd.config import kinds
from runjd.config.kinds import Kind, choice
from runjd.config.sections import Key, Section, mismatch, read_section
from runjd.policy.access import ROLES, VERBS, Rule, Subject
from runjd.spec.ids import ID_MAX
from runjd.spec.quote import quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runjd.config.faults import Faults

#: the group whose members may open the control socket, where no other is named
GROUP = "runjd"

_SUBJECTS = ("user", "uid", "group", "gid", "certificate")
_UID_MAX = 2**32 - 2
_WILD = frozenset("*?[")


def read_access(value: object, faults: Faults) -> tuple[Rule, ...]:
    """Return the rules, in their order."""
    if not isinstance(value, list):
        faults.add(("access",), mismatch(value, "a table for each rule, as [[access]]"))
        return ()
    return tuple(
        [
            read_section(ACCESS, each, Rule(f"access[{index}]", ()), ("access", index), faults)
            for index, each in enumerate(value)
        ]
    )


def group_of_socket(group: str, rules: tuple[Rule, ...], faults: Faults) -> int | None:
    """Return the group whose members may open the control socket; None: nobody needs to."""
    if not any(subject.kind != "certificate" for rule in rules for subject in rule.who):
        return None
    name = group or GROUP
    gid = _gid(name)
    if gid is None:
        where = ("daemon", "group") if group else ("access",)
        hint = "" if group else "; make it, or name another one by group in the table daemon"
        faults.add(where, f"there is no group {quoted(name)}, whose members may open the control socket{hint}")
    return gid


def _who(value: object) -> object:
    texts = [value] if isinstance(value, str) else list(kinds.texts_of(value))
    if not texts:
        raise ValueError
    return tuple([_subject(each) for each in texts])


def _subject(text: str) -> Subject:
    """Return whom a text names. :raise ValueError: nobody; with a hint."""
    if text == "*":
        return Subject("anybody")
    kind, colon, name = text.partition(":")
    if kind not in _SUBJECTS or not colon or not name or len(name) > ID_MAX:
        raise ValueError(kinds.hint(kind, _SUBJECTS) or f"{quoted(text)} names nobody")
    if kind == "certificate":
        return Subject(kind, name=name, text=text)
    id = {"user": _uid, "group": _gid}.get(kind, _number)(name)
    if id is None:
        raise ValueError(f"there is no {kind} {quoted(name)}")
    return Subject("uid" if kind in ("user", "uid") else "gid", id, text=text)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= _UID_MAX else None


def _uid(name: str) -> int | None:
    import pwd

    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    import grp

    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None


def _verbs(value: object) -> object:
    texts = kinds.texts_of(value)
    for each in texts:
        if each not in VERBS:
            raise ValueError(kinds.hint(each, VERBS) or f"{quoted(each)} is no verb")
    return texts


def _jails(value: object) -> object:
    texts = kinds.texts_of(value)
    if not texts or not all(0 < len(each) <= ID_MAX for each in texts):
        raise ValueError
    return texts


def _check(rule: Rule, given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    if not rule.who:
        yield "", 'says nothing of whom it is about; as who = "group:operators"'
    if rule.is_denial:
        if "role" in given:
            yield "role", "does not go with deny; name verbs, or none to deny all"
        return
    if "role" not in given and not rule.verbs:
        yield "", "allows nothing; give a role, or verbs"
    if rule.role == "admin":
        if rule.jails:
            yield "jails", "does not go with the role admin, who can run anything on this host; name verbs instead"
        for each in rule.who:
            if each.kind == "certificate" and not _WILD.isdisjoint(each.name):
                yield "who", f"must name a certificate in full to make it admin, not by the pattern {quoted(each.name)}"


ACCESS = Section(
    "a table",
    Rule("", ()),
    (
        Key("who", Kind('"*", "user:NAME", "uid:N", "group:NAME", "gid:N", "certificate:NAME", or an array', _who)),
        Key("role", choice(ROLES[1:])),
        Key("verbs", Kind("an array of verbs", _verbs)),
        Key("jails", Kind("an array of names of jails, or patterns", _jails)),
        Key("deny", kinds.FLAG, "is_denial"),
    ),
    check=_check,
)
