"""rctl in memory: rules by name, newest first, that outlive their jail."""

from __future__ import annotations

from runjd.kernel.freebsd.rctl import check_filter
from runjd.kernel.recorder.refusal import refusal
from runjd.values import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runjd.kernel.recorder.state import State

RESOURCES = (
    "cputime", "datasize", "stacksize", "coredumpsize", "memoryuse", "memorylocked", "maxproc", "openfiles",
    "vmemoryuse", "pseudoterminals", "swapuse", "nthr", "msgqqueued", "msgqsize", "nmsgq", "nsem", "nsemop", "nshm",
    "shmsize", "wallclock", "pcpu", "readbps", "writebps", "readiops", "writeiops",
)  # fmt: skip
_NOT_OF_PROCESSES = {
    "pseudoterminals", "swapuse", "msgqqueued", "msgqsize", "nmsgq", "nsem", "nshm", "shmsize",
}  # fmt: skip
_RATES = {"readbps", "writebps", "readiops", "writeiops"}
_NOT_DENIED = {"cputime", "wallclock"} | _RATES
_SIGNALS = (
    "hup", "int", "quit", "ill", "trap", "abrt", "emt", "fpe", "kill", "bus", "segv", "sys", "pipe", "alrm",
    "term", "urg", "stop", "tstp", "cont", "chld", "ttin", "ttou", "io", "xcpu", "xfsz", "vtalrm", "prof", "winch",
    "info", "usr1", "usr2", "thr",
)  # fmt: skip
_ACTIONS = {"deny", "log", "devctl", "throttle", *(f"sig{name}" for name in _SIGNALS)}
#: in the order they are told
_SUBJECTS = ("process", "loginclass", "user", "jail")
_LONGEST_TEXT = 4096
_LONGEST_NAME = 256
_MOST = 2**63 - 1


class RctlRule(Value):
    """One rule; ``per`` is what the amount is counted for."""

    kind: str
    subject: str
    resource: str
    action: str
    amount: int
    per: str

    def text(self) -> str:
        """Return the rule as the kernel writes it."""
        per = "" if self.per == self.kind else f"/{self.per}"
        return f"{self.kind}:{self.subject}:{self.resource}:{self.action}={self.amount}{per}"


def check_room(state: State) -> None:
    """Refuse a fork of a process whose jail has as many as it may; rules of the jails above do not bind it."""
    jail = state.mine()
    most = [
        each.amount
        for each in state.rules
        if (each.kind, each.subject, each.resource, each.action) == ("jail", jail.full_name(), "maxproc", "deny")
    ]
    living = [each for each in state.processes.values() if each.jid == jail.jid and each.status is None]
    if jail is not state.host and most and len(living) >= min(most):
        raise refusal("EAGAIN", what="fork")


class Resources:
    """The system calls of rctl."""

    def __init__(self, state: State) -> None:
        self._state = state

    def rctl_get_racct(self, subject: str) -> str:
        self._may(subject)
        kind, name, *_ = [*subject.split(":"), ""]
        self._check_subject(kind, name)
        if not kind or not name:
            raise refusal("EINVAL", what=subject)
        used = self._state.usage.get(f"{kind}:{name}", {})
        shown = [each for each in RESOURCES if kind != "process" or each not in _NOT_OF_PROCESSES]
        return ",".join(f"{each}={used.get(each, 0)}" for each in shown)

    def rctl_get_rules(self, filter: str) -> str:
        self._may(filter)
        # By kind, then the newest subject first, and of each its newest rule.
        first_seen = [(each.kind, each.subject) for each in reversed(self._state.rules)]

        def place(rule: RctlRule) -> tuple[int, int]:
            return _SUBJECTS.index(rule.kind), -first_seen.index((rule.kind, rule.subject))

        return ",".join(each.text() for each in sorted(self._matching(filter), key=place))

    def rctl_get_limits(self, subject: str) -> str:
        self._may(subject)
        kind, _, pid = subject.partition(":")
        if kind != "process" or not pid.isdecimal():
            raise refusal("EINVAL", what=subject)
        process = self._state.processes.get(int(pid))
        if process is None:
            raise refusal("ESRCH", what=subject)
        mine = {("process", pid), ("user", str(process.uid))}
        mine.add(("jail", self._state.prison_of(process).full_name()))
        return ",".join(each.text() for each in self._state.rules if (each.kind, each.subject) in mine)

    def rctl_add_rule(self, rule: str) -> None:
        self._may(rule)
        made = self._parse(rule)
        # Only the amount may differ in a rule that takes another's place.
        same = [each for each in self._state.rules if each._replace(amount=0) == made._replace(amount=0)]
        for each in same:
            self._state.rules.remove(each)
        self._state.rules.insert(0, made)

    def rctl_remove_rule(self, filter: str) -> None:
        check_filter(filter)
        self._may(filter)
        found = self._matching(filter)
        if not found:
            raise refusal("ESRCH", what=filter)
        for each in found:
            self._state.rules.remove(each)

    def _may(self, text: str) -> None:
        if self._state.numbers.get("kern.racct.enable") == 0:
            raise refusal("ENOSYS", "Function not implemented", text)
        if self._state.me.jid or not self._state.is_root():
            raise refusal("EPERM", what=text)
        if len(text) + 1 > _LONGEST_TEXT:
            raise refusal("E2BIG", what=text)

    def _check_subject(self, kind: str, name: str) -> None:
        if kind and kind not in _SUBJECTS:
            raise refusal("EINVAL")
        if kind == "process" and name and (not name.isdecimal() or int(name) not in self._state.processes):
            raise refusal("ESRCH" if name.isdecimal() else "EINVAL")
        if kind == "user" and name and not name.isdecimal():
            raise refusal("EINVAL")
        if len(name) >= _LONGEST_NAME:
            raise refusal("ENAMETOOLONG")

    def _parse(self, rule: str) -> RctlRule:
        parts = rule.split(":")
        if len(parts) != 4 or not all(parts):
            raise refusal("EINVAL", what=rule)
        kind, subject, resource, rest = parts
        self._check_subject(kind, subject)
        action, equals, amount = rest.partition("=")
        amount, slash, per = amount.partition("/")
        if resource not in RESOURCES or action not in _ACTIONS or not equals or not amount:
            raise refusal("EINVAL", what=rule)
        if slash and per not in _SUBJECTS:
            raise refusal("EINVAL", what=rule)
        digits = amount.removeprefix("-")
        if not digits.isascii() or not digits.isdecimal():
            raise refusal("EINVAL", what=rule)
        if amount != digits or int(amount) > _MOST:
            raise refusal("ERANGE", what=rule)
        if (action == "deny" and resource in _NOT_DENIED) or (action == "throttle" and resource not in _RATES):
            raise refusal("EOPNOTSUPP", what=rule)
        return RctlRule(kind, subject, resource, action, int(amount), per or kind)

    def _matching(self, filter: str) -> list[RctlRule]:
        kind, subject, resource, action = [*filter.split(":"), "", "", "", ""][:4]
        action, _, amount = action.partition("=")
        self._check_filter(kind, subject, resource, action)
        return [
            each
            for each in self._state.rules
            if kind in ("", each.kind)
            and subject in ("", each.subject)
            and resource in ("", each.resource)
            and action in ("", each.action)
            and amount in ("", str(each.amount))
        ]

    def _check_filter(self, kind: str, subject: str, resource: str, action: str) -> None:
        if kind and kind not in _SUBJECTS:
            raise refusal("EINVAL")
        if kind == "user" and subject and not subject.isdecimal():
            raise refusal("EINVAL")
        if (resource and resource not in RESOURCES) or (action and action not in _ACTIONS):
            raise refusal("EINVAL")
